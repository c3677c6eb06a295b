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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from gateway.storage.files import Identity, identity, move_aside, prepare
from gateway.storage.health import check, explain
from gateway.storage.migrations import migrate

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], Any]

_MOST_IN_COMMIT: Final = 256
_MOST_WAITING: Final = 4096
_BUSY: Final = 2000  # ms to wait for another process's write
_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PASSING: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
)
_SETTINGS: Final = (
    "PRAGMA auto_vacuum=INCREMENTAL",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_size_limit=67108864",
    f"PRAGMA busy_timeout={_BUSY}",
)


class DatabaseUnavailable(Exception):  # noqa: N818 - named for what happened
    """Nothing can be written or read now; the text says why, without any content."""


@dataclass(slots=True)
class _Work:
    job: Job | None  # None: nobody waits any more
    done: asyncio.Future[Any]


class Database:
    """One SQLite file; opened by the first write, and again after a failure."""

    def __init__(
        self,
        path: str | Path,
        *,
        stamp: Callable[[], str],
        on_quarantine: Callable[[str], object],
    ) -> None:
        """Wire it; inside a running loop.

        Args:
            path: Of the file; its folder is made.
            stamp: Returns a date and time that is fit for a file name.
            on_quarantine: Takes the new name of a corrupted file that was moved aside.
        """
        self.path = Path(path)
        self.trouble: str | None = None  # why the last commit failed
        self._stamp = stamp
        self._on_quarantine = on_quarantine
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity = ()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job inside a transaction; return when it is on disk.

        A job that raises undoes what it did, and nothing of its neighbours.

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
        work = _Work(job, done)
        self._queue.put(work)
        del job  # the traceback of who gave up holds this frame
        try:
            return await done
        except asyncio.CancelledError:
            work.job = None  # where the disk hangs, what it would write is not held
            raise

    async def read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job that only reads, on a connection of its own.

        Raises:
            DatabaseUnavailable: it cannot be read.
        """
        return await asyncio.to_thread(self._ask, job)

    def _ask(self, job: Callable[[sqlite3.Connection], T]) -> T:
        connection = None
        try:
            uri = f"{self.path.absolute().as_uri()}?mode=ro"
            connection = sqlite3.connect(uri, uri=True)
            connection.execute(f"PRAGMA busy_timeout={_BUSY}")
            return job(connection)
        except sqlite3.Error as error:
            raise DatabaseUnavailable(explain(error, self.path, reads=True)) from None
        finally:
            if connection is not None:
                connection.close()

    async def close(self) -> None:
        """Finish what was begun, and close the file."""
        self._closed = True
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(thread.join)

    def _serve(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, last = [first], False
            with suppress(queue.Empty):
                while len(batch) < _MOST_IN_COMMIT and not last:
                    more = self._queue.get_nowait()
                    if more is None:
                        last = True
                    else:
                        batch.append(more)
            wanted = [(work, job) for work in batch if (job := work.job) is not None]
            self._commit([work for work, _ in wanted], [job for _, job in wanted])
            if last:
                break
        self._disconnect()

    def _commit(self, batch: list[_Work], jobs: list[Job]) -> None:
        """Run a batch in one transaction, and tell everybody how it went."""
        try:
            results = self._transaction(jobs)
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
            self._loop.call_soon_threadsafe(_answer, answers)

    def _transaction(self, jobs: list[Job]) -> list[Any]:
        connection = self._connected()
        connection.execute("BEGIN IMMEDIATE")
        results = [_run(connection, job) for job in jobs]
        connection.execute("COMMIT")
        return results

    def _connected(self) -> sqlite3.Connection:
        if self._connection is not None and identity(self.path) != self._identity:
            # Somebody moved or removed a file: what is written would be lost. What is
            # only in the log so far goes into the database; it is still open.
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._disconnect()
        if self._connection is None:
            prepare(self.path)
            connection = sqlite3.connect(
                self.path, isolation_level=None, check_same_thread=False
            )
            try:
                for setting in _SETTINGS:
                    connection.execute(setting)
                check(connection)
                migrate(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
            self._identity = identity(self.path)
        return self._connection

    def _after(self, error: Exception) -> None:
        """Undo; open the file anew where that may help; a damaged one is replaced."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _PASSING and self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.rollback()
                return
        self._disconnect()
        if code in _CORRUPT:
            with suppress(OSError):
                self._on_quarantine(move_aside(self.path, self._stamp()))

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def _run(connection: sqlite3.Connection, job: Job) -> Any:
    """Return a job's result or its error, its own changes undone."""
    connection.execute("SAVEPOINT job")
    try:
        result = job(connection)
    except sqlite3.IntegrityError as error:
        result = error
    except (sqlite3.Error, MemoryError):
        raise  # of the disk or the file: the whole transaction is lost
    except Exception as error:  # noqa: BLE001 - of one job: its neighbours go on
        result = error
    if isinstance(result, Exception):
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")
    return result


def _answer(answers: list[tuple[_Work, Any]]) -> None:
    for work, result in answers:
        if work.done.done():
            continue  # nobody waits any more
        if isinstance(result, Exception):
            work.done.set_exception(result)
        else:
            work.done.set_result(result)
