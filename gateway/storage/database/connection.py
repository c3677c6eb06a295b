"""Opens a database file: settings, check for damage, and migrations."""

import sqlite3
from pathlib import Path
from typing import Final

from gateway.storage.database.files import prepare
from gateway.storage.database.integrity import check
from gateway.storage.database.migrations import migrate

BUSY: Final = 2000  # ms to wait for another process's write
_SETTINGS: Final = (
    "PRAGMA auto_vacuum=INCREMENTAL",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_size_limit=67108864",
    f"PRAGMA busy_timeout={BUSY}",
)


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection that writes, for use by one thread at a time.

    Raises:
        FileTrouble: the folder cannot be written.
        NewerSchema: a newer gateway wrote the file.
        sqlite3.Error: the file is damaged, or cannot be used.
        MemoryError: there is too little memory to check the file.
    """
    prepare(path)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        for setting in _SETTINGS:
            connection.execute(setting)
        check(connection)
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection
