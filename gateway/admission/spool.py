"""Writes bodies that are too large for memory to a folder, and watches that folder."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, BinaryIO, Final

from gateway.core.clock import Clock
from gateway.core.errors import Overloaded

_PROBE_EVERY: Final = 5.0  # s
_PROBE: Final = 4096  # bytes; a full disk takes an empty file
_RECOVERED: Final = 1024 * 1024  # bytes that must fit before a fault is over


class Spool:
    """Writes bodies to unlinked files; remembers why the last one failed."""

    def __init__(
        self,
        *,
        folder: str | None = None,
        on_event: Callable[..., Any] = lambda *_, **__: None,
    ) -> None:
        """Start without a fault.

        Args:
            folder: None: the system's temporary folder, which `TMPDIR` chooses.
            on_event: Called with an event's name and safe fields, for the log.
        """
        self._folder = folder
        self._on_event = on_event
        self.trouble: str | None = None

    @property
    def folder(self) -> str:
        """The folder that bodies are written to."""
        if self._folder is None:
            try:
                self._folder = tempfile.gettempdir()
            except OSError:  # no temporary folder can be written
                return os.environ.get("TMPDIR", "/tmp")  # noqa: S108 - only its name
        return self._folder

    async def write(self, file: BinaryIO | None, chunks: Sequence[bytes]) -> BinaryIO:
        """Add to a body's file in a thread; None: to a new one.

        Raises:
            Overloaded: the folder does not take it.
        """
        try:
            return await asyncio.to_thread(_write, file, chunks, self.folder)
        except OSError as error:
            self._failed(error)
            raise Overloaded(
                f"the body could not be kept on disk: {self.trouble}", retry_after=5.0
            ) from error

    async def probe(self) -> None:
        """Write a file, to find out whether the folder can be written."""
        size = _PROBE if self.trouble is None else _RECOVERED
        try:
            await asyncio.to_thread(_try, size, self.folder)
        except OSError as error:
            self._failed(error)
            return
        if self.trouble is not None:
            self.trouble = None
            self._on_event("spill_folder_works", folder=self.folder)

    async def run(self, clock: Clock) -> None:
        """Probe for as long as the gateway runs."""
        while True:
            await self.probe()
            await clock.sleep(_PROBE_EVERY)

    def _failed(self, error: OSError) -> None:
        reason = error.strerror or type(error).__name__
        trouble = (
            f"{self.folder} cannot be written ({reason}): free space there, or set "
            "TMPDIR to a folder that takes bodies over 1 MiB"
        )
        if trouble != self.trouble:  # logged once, not for each body
            self._on_event("spill_folder_failed", folder=self.folder, reason=reason)
        self.trouble = trouble


def discard(file: BinaryIO) -> None:
    """Close a file that is not needed; on a full disk the close may fail too."""
    with suppress(OSError):
        file.close()


def _try(size: int, folder: str) -> None:
    # Closed in the thread: the task that waits for it may be cancelled.
    discard(_write(None, [bytes(size)], folder))


def _write(file: BinaryIO | None, chunks: Sequence[bytes], folder: str) -> BinaryIO:
    target = file
    if target is None:
        target = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
    try:
        target.writelines(chunks)
        target.flush()
    except OSError:
        discard(target)
        raise
    return target
