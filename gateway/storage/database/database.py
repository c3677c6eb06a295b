"""Writes one SQLite file on one thread, with many writes to a commit.

A write is done when its transaction is on disk (WAL, synchronous=FULL). Writes that
come during a commit share the next one, so that the disk's latency limits the wait and
not the rate.

Source: docs/adr/0010-inbox.md.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from gateway.storage.database.batch import Job, Work, deliver, gather, run
from gateway.storage.database.connection import BUSY, connect
from gateway.storage.database.files import (
    FileTrouble,
    Identity,
    find_room,
    identity,
    inode,
    move_aside,
)
from gateway.storage.database.integrity import explain
from gateway.storage.database.readers import Readers
from gateway.storage.database.removal import FileRemoved, save

T = TypeVar("T")

_MOST_WAITING: Final = 4096
_LATER: Final = 0.02  # s that a write that is not urgent waits for another
_CHECK_INTERVAL: Final = 0.5  # s between checks of the file while nothing is written
_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_TEMPORARY: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
)


class DatabaseUnavailable(Exception):  # noqa: N818 - named for what happened
    """Nothing can be written or read now; the text says why, without any content."""


class Database:
    """One SQLite file; opened by the first write, and again after a failure."""

    def __init__(
        self,
        path: str | Path,
        *,
        stamp: Callable[[], str],
        on_quarantine: Callable[[str], object],
        on_removed: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Prepare the file; call inside a running loop.

        Args:
            path: Of the file; its folder is created.
            stamp: Returns a date and time that can be part of a file name.
            on_quarantine: Takes the new name of a corrupted file that was moved aside.
            on_removed: Takes a text on a file that was removed or replaced while it was
                in use, and what happened to its content.
        """
        self.path = Path(path)
        self.trouble: str | None = None  # why the last commit failed
        self._full = False  # until a probe finds room; a small write may still fit
        self._stamp = stamp
        self._on_quarantine = on_quarantine
        self._on_removed = on_removed
        self._unsaved = False  # whether only the open connection holds the content
        self._loop = asyncio.get_running_loop()
        self._readers = Readers(self.path, busy=BUSY)
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._later: list[Work] = []
        self._timer: asyncio.TimerHandle | None = None
        self.changes_of_others = 0  # times that another process wrote the file
        self._version = -1  # of the file's content, as this connection sees it
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity = ()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def write(
        self, job: Callable[[sqlite3.Connection], T], *, soon: bool = True
    ) -> T:
        """Run a job inside a transaction; return when it is on disk.

        A job that raises undoes its own changes, and not those of others.

        Args:
            job: Writes, inside a transaction that it does not end.
            soon: False: it may wait a moment, to share the commit of another write.

        Raises:
            DatabaseUnavailable: it is not on disk.
        """
        if self._closed:
            raise DatabaseUnavailable("the store is closed")
        if self._queue.qsize() > _MOST_WAITING:
            raise DatabaseUnavailable("too many writes wait for the disk")
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._serve, name="sqlite", daemon=True
            )
            self._thread.start()
        done: asyncio.Future[T] = self._loop.create_future()
        work = Work(job, done)
        self._later.append(work)
        if soon:
            self._queue_later()
        elif self._timer is None:
            self._timer = self._loop.call_later(_LATER, self._queue_later)
        del job  # a cancelled caller's traceback holds this frame
        try:
            return await done
        except asyncio.CancelledError:
            work.job = None  # frees its data while the disk hangs
            raise

    def _queue_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for work in self._later:
            self._queue.put(work)
        self._later.clear()

    async def probe(self, room: int) -> None:
        """Write a page, and check that so many more bytes have room.

        A small write may fit where an arrival does not, in space that the log reuses.

        Raises:
            DatabaseUnavailable: it cannot be written.
        """

        def job(connection: sqlite3.Connection) -> None:
            find_room(self.path, room)
            connection.execute("PRAGMA user_version=1")  # a write, whatever its value

        try:
            await self.write(job)
        except FileTrouble as error:
            raise DatabaseUnavailable(str(error)) from None
        self._full = False
        self.trouble = None

    async def read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job that only reads, beside the writes.

        Raises:
            DatabaseUnavailable: it cannot be read.
        """
        try:
            return await self._readers.read(job)
        except sqlite3.Error as error:
            raise DatabaseUnavailable(explain(error, self.path, reads=True)) from None

    async def close(self) -> None:
        """Finish the queued writes, and close the file."""
        self._closed = True
        self._queue_later()
        await self._readers.close()
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(thread.join)

    def _serve(self) -> None:
        while (first := self._next()) is not None:
            batch, last = gather(self._queue, first)
            wanted = [(work, job) for work in batch if (job := work.job) is not None]
            self._commit([work for work, _ in wanted], [job for _, job in wanted])
            if last:
                break
        self._check()
        self._disconnect()

    def _next(self) -> Work | None:
        """Return the next write; check the file while there is none."""
        while True:
            with suppress(queue.Empty):
                return self._queue.get(timeout=_CHECK_INTERVAL)
            self._check()

    def _check(self) -> None:
        """Check the file while nothing is written."""
        try:
            self._check_file()
            if self._connection is not None:
                self._notice_others(self._connection)
        except Exception as error:  # noqa: BLE001 - the next write reports the same
            self.trouble = explain(error, self.path)

    def _commit(self, batch: list[Work], jobs: list[Job]) -> None:
        """Run a batch in one transaction, and complete its callers."""
        try:
            results = self._transaction(jobs)
            if not self._full:
                self.trouble = None
        # Any error, exhausted memory included: if the thread ended, no caller would
        # get a result until a restart.
        except Exception as error:  # noqa: BLE001
            self.trouble = explain(error, self.path)
            with suppress(Exception):
                self._recover(error)
            results = [DatabaseUnavailable(self.trouble)] * len(batch)
        finished = list(zip(batch, results, strict=True))
        with suppress(RuntimeError):  # the loop has ended, with all callers
            self._loop.call_soon_threadsafe(deliver, finished)

    def _transaction(self, jobs: list[Job]) -> list[Any]:
        connection = self._connected()
        self._notice_others(connection)
        connection.execute("BEGIN IMMEDIATE")
        results = [run(connection, job) for job in jobs]
        connection.execute("COMMIT")
        self._check_file()  # nothing is acknowledged in a file without a name
        return results

    def _notice_others(self, connection: sqlite3.Connection) -> None:
        """Count the changes that another process has made."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self.changes_of_others += 1

    def _check_file(self) -> None:
        """Save the content if the file was removed or replaced while it was open.

        Raises:
            FileRemoved: it was; the content is saved, or still open and tried again.
        """
        connection, now = self._connection, inode(self.path)
        if connection is None or now == self._identity[0] is not None:
            return
        removed = save(
            connection,
            self.path,
            aside=self.path.with_name(f"{self.path.name}.removed-{self._stamp()}"),
            known=self._identity,
            disconnect=self._disconnect,
        )
        if removed.saved or not self._unsaved:
            self._on_removed(str(removed))
        self._unsaved = not removed.saved
        if removed.saved:
            self._identity = ()
        raise removed

    def _connected(self) -> sqlite3.Connection:
        self._check_file()
        if self._connection is not None and identity(self.path) != self._identity:
            # The log was removed: writes to it would be lost. Its content, which is
            # still open, goes into the database.
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._disconnect()
        if self._connection is None:
            self._report_missing()
            self._connection = connect(self.path)
            self._identity = identity(self.path)
        return self._connection

    def _report_missing(self) -> None:
        """Report that the file, closed after a failure, was removed since."""
        before, self._identity = self._identity, ()
        if before and inode(self.path) != before[0]:
            self._on_removed(
                f"{self.path} (storage.sqlite_path) was removed while it could not be "
                "used: what it held is gone"
            )

    def _recover(self, error: Exception) -> None:
        """Roll back; close where that may help; move a damaged file aside."""
        if isinstance(error, FileRemoved):
            return  # the connection is closed, or holds the only copy
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        self._full |= code == sqlite3.SQLITE_FULL
        if code in _TEMPORARY and self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.rollback()
                return
        self._disconnect()
        if code in _CORRUPT:
            with suppress(OSError):
                self._on_quarantine(move_aside(self.path, self._stamp()))
                self._identity = ()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()
