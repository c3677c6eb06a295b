"""Restores a database file that was removed or replaced while it was open.

The content of a removed file exists for as long as a connection has it open, and is
copied from there, without an operator.

Source: docs/adr/0010-inbox.md.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from gateway.storage.database.files import FileTrouble, Identity, create_free, identity

_LOG_FILES: Final = ("-wal", "-shm")


class FileRemoved(FileTrouble):
    """The file was removed or replaced while in use; the text says what was saved."""

    def __init__(self, path: Path, what: str, *, saved: bool) -> None:
        """Compose the text.

        Args:
            path: Of the file.
            what: Says what happened, and what is to be done.
            saved: Whether the content is in a file again; otherwise only the open
                connection holds it.
        """
        super().__init__(f"{path} (storage.sqlite_path) {what}")
        self.saved = saved


def save(
    connection: sqlite3.Connection,
    path: Path,
    *,
    aside: Path,
    known: Identity,
    disconnect: Callable[[], object],
) -> FileRemoved:
    """Copy a connection's content to where its file was; return the result.

    Where another file has taken the name, the copy stays beside it.

    Args:
        connection: To the removed file, with no transaction open.
        path: Where the file was.
        aside: Name in the same folder; with a number where it is taken.
        known: Identity of the file when it was opened.
        disconnect: Closes the connection; called when the copy is on disk.
    """
    try:
        copy = _copy(connection, aside)
    except (OSError, sqlite3.Error, FileTrouble) as error:
        reason = str(error) or type(error).__name__
        return FileRemoved(
            path,
            "was removed while in use, and what it held cannot be written again yet "
            f"({reason}); make that possible before the gateway is stopped",
            saved=False,
        )
    disconnect()
    renamed = False
    with suppress(OSError):
        _remove_logs(path, known)
        renamed = _rename(copy, path)
    if renamed:
        what = "was removed while in use: what it held is under the same name again"
    else:
        what = (
            f"was replaced while in use: what it held is in {copy}, and `dinie-"
            "gateway inbox recover` brings it over"
        )
    return FileRemoved(path, what, saved=True)


def _copy(connection: sqlite3.Connection, aside: Path) -> Path:
    with suppress(sqlite3.Error):
        # SQLite would replay frames that stay in a log of this name into a new file.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    # Another gateway of this file may save it in the same second: its copy may have the
    # old name by now, and hold what was acknowledged since.
    free = create_free(aside)
    try:
        with closing(sqlite3.connect(free)) as copy:
            connection.backup(copy)
    except BaseException:
        free.unlink(missing_ok=True)
        raise
    return free


def _remove_logs(path: Path, known: Identity) -> None:
    """Remove the old log, and not that of another database."""
    beside = zip(_LOG_FILES, known[1:], identity(path)[1:], strict=True)
    for suffix, then, now in beside:
        if now is not None and now == then:
            Path(f"{path}{suffix}").unlink(missing_ok=True)


def _rename(aside: Path, path: Path) -> bool:
    """Rename a copy, if the name is free; return whether it is renamed."""
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if path.exists():
            return False
        aside.rename(path)
        return True
    aside.unlink()
    return True
