"""Checks a database file for damage, and explains why one cannot be used."""

import re
import sqlite3
from pathlib import Path
from typing import Final

from gateway.storage.database.files import FileTrouble
from gateway.storage.database.migrations import NewerSchema

# SQLite reports a page that it could not read as damage, although the disk may have
# failed or memory may be exhausted while the file is intact.
_NOT_READ: Final = re.compile(r"error code=(\d+)")

_DAMAGE: Final = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR_SHORT_READ}
)
_NO_MEMORY: Final = "the gateway has no memory left: give it more"


def check(connection: sqlite3.Connection) -> None:
    """Check that the file is intact.

    Raises:
        sqlite3.DatabaseError: it is damaged; with the code of a corrupted file.
        sqlite3.OperationalError: it could not be read; with the code of the cause.
        MemoryError: there is too little memory to check it.
    """
    found = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found is not None and found[0] == "ok":
        return
    not_read = _NOT_READ.search(str(found[0]) if found else "")
    if not_read is not None and int(not_read[1]) not in _DAMAGE:
        unread = sqlite3.OperationalError("the file cannot be read")
        unread.sqlite_errorcode = int(not_read[1])
        raise unread
    error = sqlite3.DatabaseError("the file is damaged")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    raise error


def explain(error: Exception, path: Path, *, reads: bool = False) -> str:
    """Return why a file cannot be used and what to do, without any of its content.

    Args:
        error: The cause.
        path: Of the file.
        reads: Whether it was only read, so that nothing was moved aside.
    """
    if isinstance(error, NewerSchema | FileTrouble):
        return str(error)
    if isinstance(error, MemoryError):
        return f"{path} (storage.sqlite_path): {_NO_MEMORY}"
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    reasons = {
        sqlite3.SQLITE_FULL: "the disk is full: make room",
        sqlite3.SQLITE_BUSY: "another process holds it: find out which",
        sqlite3.SQLITE_LOCKED: "another process holds it: find out which",
        sqlite3.SQLITE_READONLY: "it is read-only: let this user write it",
        sqlite3.SQLITE_CANTOPEN: "it cannot be opened: look at the folder's owner",
        sqlite3.SQLITE_IOERR: "the disk fails: look at the node",
        sqlite3.SQLITE_NOMEM: _NO_MEMORY,
        sqlite3.SQLITE_CORRUPT: "it is damaged, and was moved aside",
        sqlite3.SQLITE_NOTADB: "it is no database, and was moved aside",
    }
    if reads:
        reasons |= {
            sqlite3.SQLITE_CORRUPT: "it is damaged: the next write moves it aside",
            sqlite3.SQLITE_NOTADB: "it is no database: choose another file",
            sqlite3.SQLITE_ERROR: "it has no tables: no gateway has written it yet",
        }
    reason = reasons.get(code, f"it fails ({type(error).__name__})")
    return f"{path} (storage.sqlite_path): {reason}"
