"""Runs queries on open connections that only read, on threads of their own.

Opening a connection costs more than most queries. The event loop's own threads are not
used: look-ups of names and file operations wait there.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from gateway.storage.database.files import Identity, identity

T = TypeVar("T")
_THREADS: Final = 2  # one may be held by an operator's long query


class Readers:
    """The reading connections to one SQLite file; the first query opens them."""

    def __init__(self, path: Path, *, busy: int) -> None:
        """Open nothing yet.

        Args:
            path: Of the file.
            busy: ms to wait for another process.
        """
        self._path = path
        self._busy = busy
        self._threads: ThreadPoolExecutor | None = None
        self._own = threading.local()
        self._open: set[sqlite3.Connection] = set()

    async def read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job on one of the connections.

        Raises:
            sqlite3.Error: the file cannot be read; the next query opens it again.
        """
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, "sqlite-read")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._run, job)

    async def close(self) -> None:
        """Finish the queries under way, and close the connections."""
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown)
        for connection in list(self._open):
            self._close(connection)

    def _run(self, job: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection()
        try:
            return job(connection)
        except sqlite3.Error:
            self._own.held = None
            self._close(connection)
            raise

    def _connection(self) -> sqlite3.Connection:
        """Return this thread's connection to the file that is at the path now."""
        connection: sqlite3.Connection
        held: tuple[sqlite3.Connection, Identity] | None
        held = getattr(self._own, "held", None)
        if held is not None:
            connection, known = held
            if known == identity(self._path):
                return connection
            self._close(connection)
        self._own.held = None
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        # Another thread closes it in the end.
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._open.add(connection)
        try:
            connection.execute(f"PRAGMA busy_timeout={self._busy}")
            connection.execute("PRAGMA schema_version").fetchone()  # opens the file
        except sqlite3.Error:
            self._close(connection)
            raise
        self._own.held = connection, identity(self._path)
        return connection

    def _close(self, connection: sqlite3.Connection) -> None:
        self._open.discard(connection)
        with suppress(sqlite3.Error):
            connection.close()
