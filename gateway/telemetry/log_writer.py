"""Writes log lines on a thread of its own, so that no reader can stop the event loop.

A write to a pipe without a reader blocks, and so does one to a full disk or a hung
network file system. Lines wait in a bounded queue; those that do not fit are dropped,
counted, and reported once the stream takes bytes again.
"""

import atexit
import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

CAPACITY: Final = 4 * 1024 * 1024  # characters that may wait; about 10,000 requests
_CLOSE_TIMEOUT: Final = 1.0  # s; a working reader needs milliseconds
_AT_ONCE: Final = 64 * 1024  # bytes of one write
_POLL: Final = 0.2  # s between checks whether a non-blocking stream has room


class LogWriter:
    """A text stream whose `write` never blocks; the thread starts with the first line.

    It writes to the descriptor, not through Python's own stream: a thread that hangs
    in there would hold its lock, and the interpreter could not end.
    """

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, descriptor: int, *, capacity: int = CAPACITY) -> None:
        """Write to an open descriptor; it is not closed here.

        Args:
            descriptor: Of a file, a pipe or a terminal.
            capacity: Characters that may wait.
        """
        self._descriptor = descriptor
        self._capacity = capacity
        self._changed = threading.Condition()
        self._waiting: list[str] = []
        self._size = 0  # characters that wait or are being written
        self._unreported = 0  # lines lost since `on_recovered`
        self._torn = False  # whether the last line was written in part
        self._closed = False
        self._thread: threading.Thread | None = None
        self.on_dropped: Callable[[int], object] | None = None
        self.on_recovered: Callable[[int], object] | None = None  # may write a line

    def write(self, text: str) -> int:
        """Queue whole lines, or drop them where there is no room."""
        if not isinstance(text, str):
            raise TypeError("a text stream")
        size = len(text)
        with self._changed:
            fits = self._size + size <= self._capacity and not self._closed
            if fits:
                self._waiting.append(text)
                self._size += size
                if self._thread is None:
                    self._start()
                self._changed.notify()
        if not fits:
            self._drop(_lines(text))
        return size

    def flush(self) -> None:
        """Do nothing: the thread writes every line. `drain` waits for it."""

    def fileno(self) -> int:
        """Return the descriptor, for code that writes to it in a crash."""
        return self._descriptor

    def isatty(self) -> bool:
        """Return whether the descriptor is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Return True, as a text stream does."""
        return True

    def drain(self, timeout: float = _CLOSE_TIMEOUT) -> bool:
        """Wait until everything is written; return whether it was in time (s)."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._size, timeout)

    def close(self, timeout: float = _CLOSE_TIMEOUT) -> None:
        """Write what waits, within a time (s); the rest is lost."""
        self.drain(timeout)
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        atexit.unregister(self.close)

    def _start(self) -> None:
        # A daemon: a write that never returns must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()
        atexit.register(self.close)  # so that the traceback of a crash is written

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                text = "".join(self._waiting)
                self._waiting.clear()
            lost = self._put(text)
            if lost:
                self._drop(lost)
            with self._changed:
                self._size -= len(text)
                unreported = 0
                if not lost and self.on_recovered is not None:
                    unreported, self._unreported = self._unreported, 0
                self._changed.notify_all()
            if unreported and self.on_recovered is not None:
                self.on_recovered(unreported)

    def _put(self, text: str) -> int:
        """Write a text; return how many of its lines are lost."""
        if self._torn and self._write(b"\n"):
            return _lines(text)
        self._torn = False
        data = text.encode(self.encoding, self.errors)
        rest = self._write(data)
        if not rest:
            return 0
        # The next line must not continue one that was written in part.
        begun = len(data) - len(rest)
        self._torn = begun > 0 and data[begun - 1 : begun] != b"\n"
        return _lines(rest.decode(self.encoding, "replace"))

    def _write(self, data: bytes) -> bytes:
        """Write bytes; return what could not be written."""
        left = memoryview(data)
        while left:
            try:
                written = os.write(self._descriptor, left[:_AT_ONCE])
            except BlockingIOError:  # another process made the pipe non-blocking
                self._await_room()
                continue
            except OSError:  # the disk is full, or the reader is gone
                break
            left = left[written:]
        return bytes(left)

    def _await_room(self) -> None:
        with suppress(OSError):
            select.select((), (self._descriptor,), (), _POLL)

    def _drop(self, lines: int) -> None:
        with self._changed:
            self._unreported += lines
        if self.on_dropped is not None:
            self.on_dropped(lines)


def _lines(text: str) -> int:
    """Return how many lines a text has; a part of a line counts as one."""
    return text.count("\n") or 1
