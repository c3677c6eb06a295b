"""How is SQLite written by one thread, many writes to one commit, without losing any?

A write is done when its transaction is on disk (WAL, synchronous=FULL). What comes
while a commit is under way goes with the next one, so that the disk's latency bounds
the wait, and not the rate.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from gateway.storage.database.batch import Job, Work, gather, run, tell
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
_LATER: Final = 0.02  # s for which a write that is not urgent waits for another
_LOOK: Final = 0.5  # s between looks whether the file is there while nothing is written
_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PASSING: Final = frozenset(
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
        """Wire it; inside a running loop.

        Args:
            path: Of the file; its folder is made.
            stamp: Returns a date and time that is fit for a file name.
            on_quarantine: Takes the new name of a corrupted file that was moved aside.
            on_removed: Takes what became of a file that was removed or replaced while
                it was in use.
        """
        self.path = Path(path)
        self.trouble: str | None = None  # why the last commit failed
        self._full = False  # until a probe finds room: what is small may still fit
        self._stamp = stamp
        self._on_quarantine = on_quarantine
        self._on_removed = on_removed
        self._unsaved = False  # whether only the open connection has the content
        self._loop = asyncio.get_running_loop()
        self._readers = Readers(self.path, busy=BUSY)
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._later: list[Work] = []
        self._timer: asyncio.TimerHandle | None = None
        self.changes_of_others = 0  # seen so far; another process wrote the file
        self._version = -1  # of the file's content, as this connection sees it
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity = ()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def write(
        self, job: Callable[[sqlite3.Connection], T], *, soon: bool = True
    ) -> T:
        """Run a job inside a transaction; return when it is on disk.

        A job that raises undoes what it did, and nothing of its neighbours.

        Args:
            job: What is to be done.
            soon: Else it may wait for the next one that is, to share its commit.

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
            self._send_later_ones()
        elif self._timer is None:
            self._timer = self._loop.call_later(_LATER, self._send_later_ones)
        del job  # the traceback of who gave up holds this frame
        try:
            return await done
        except asyncio.CancelledError:
            work.job = None  # where the disk hangs, what it would write is not held
            raise

    def _send_later_ones(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for work in self._later:
            self._queue.put(work)
        self._later.clear()

    async def probe(self, room: int) -> None:
        """Write a page, and see whether so many bytes more would have room.

        A small write may still fit where a delivery does not: in the log there is room
        that was used before.

        Raises:
            DatabaseUnavailable: it cannot be written.
        """

        def job(connection: sqlite3.Connection) -> None:
            find_room(self.path, room)
            connection.execute("PRAGMA user_version=1")  # written whatever it was

        try:
            await self.write(job)
        except FileTrouble as error:
            raise DatabaseUnavailable(str(error)) from None
        self._full = False
        self.trouble = None

    async def read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job that only reads, beside what is written.

        Raises:
            DatabaseUnavailable: it cannot be read.
        """
        try:
            return await self._readers.read(job)
        except sqlite3.Error as error:
            raise DatabaseUnavailable(explain(error, self.path, reads=True)) from None

    async def close(self) -> None:
        """Finish what was begun, and close the file."""
        self._closed = True
        self._send_later_ones()
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
        self._look()
        self._disconnect()

    def _next(self) -> Work | None:
        """Return what is to be written next, and see to the file meanwhile."""
        while True:
            with suppress(queue.Empty):
                return self._queue.get(timeout=_LOOK)
            self._look()

    def _look(self) -> None:
        """See to a file that was removed while nothing is written."""
        try:
            self._see_to_the_file()
            if self._connection is not None:
                self._notice_others(self._connection)
        except Exception as error:  # noqa: BLE001 - the next write says the same
            self.trouble = explain(error, self.path)

    def _commit(self, batch: list[Work], jobs: list[Job]) -> None:
        """Run a batch in one transaction, and tell everybody how it went."""
        try:
            results = self._transaction(jobs)
            if not self._full:
                self.trouble = None
        # Whatever it is, memory that ran out as well: a thread that ended would leave
        # everybody without an answer until a restart.
        except Exception as error:  # noqa: BLE001
            self.trouble = explain(error, self.path)
            with suppress(Exception):
                self._after(error)
            results = [DatabaseUnavailable(self.trouble)] * len(batch)
        answers = list(zip(batch, results, strict=True))
        with suppress(RuntimeError):  # the loop is gone: so is whoever waits
            self._loop.call_soon_threadsafe(tell, answers)

    def _transaction(self, jobs: list[Job]) -> list[Any]:
        connection = self._connected()
        self._notice_others(connection)
        connection.execute("BEGIN IMMEDIATE")
        results = [run(connection, job) for job in jobs]
        connection.execute("COMMIT")
        self._see_to_the_file()  # nothing is acknowledged that has no name any more
        return results

    def _notice_others(self, connection: sqlite3.Connection) -> None:
        """Count it where another process has written the file since."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self.changes_of_others += 1

    def _see_to_the_file(self) -> None:
        """Write the file again if it was removed or replaced while it was open.

        Raises:
            FileRemoved: it was; what it held is safe, or still open and tried again.
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
        self._see_to_the_file()
        if self._connection is not None and identity(self.path) != self._identity:
            # Somebody removed the log: what is written there would be lost. What is
            # only in it so far goes into the database; it is still open.
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._disconnect()
        if self._connection is None:
            self._miss()
            self._connection = connect(self.path)
            self._identity = identity(self.path)
        return self._connection

    def _miss(self) -> None:
        """Say so where the file is gone that was closed after a failure."""
        before, self._identity = self._identity, ()
        if before and inode(self.path) != before[0]:
            self._on_removed(
                f"{self.path} (storage.sqlite_path) was removed while it could not be "
                "used: what it held is gone"
            )

    def _after(self, error: Exception) -> None:
        """Undo; open the file anew where that may help; a damaged one is replaced."""
        if isinstance(error, FileRemoved):
            return  # the connection is closed, or all that is left
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        self._full |= code == sqlite3.SQLITE_FULL
        if code in _PASSING and self._connection is not None:
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
