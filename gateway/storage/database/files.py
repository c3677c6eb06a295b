"""Handles the database file by its path: place, room, lock, identity, moving aside.

Source: docs/adr/0010-inbox.md.
"""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_BESIDE: Final = ("", "-wal", "-shm")  # what SQLite keeps next to a file
_PRIVATE_FOLDER: Final = 0o700
_PRIVATE_FILE: Final = 0o600  # bodies hold personal data

WITHOUT_ENVIRONMENT: Final = "var/gateway.db"  # the default of earlier versions

Inode = tuple[int, int]
Identity = tuple[Inode | None, ...]


class FileTrouble(Exception):  # noqa: N818 - named for what happened
    """A file or its folder cannot be used; the text says what to do."""


def default_path(environment: str) -> str:
    """Return the default path of an environment's database.

    Two environments in one folder must not share a file by accident. A file of an
    earlier version, without the environment in its name, is still used: it may hold
    deliveries that are due.
    """
    own = Path(f"var/gateway-{environment}.db")
    before = Path(WITHOUT_ENVIRONMENT)
    return str(before if before.exists() and not own.exists() else own)


def advice(path: Path, environment: str) -> str | None:
    """Return what to do about the file of an earlier version; None: nothing.

    Args:
        path: Of the file in use.
        environment: Of the gateway.
    """
    own, before = Path(f"var/gateway-{environment}.db"), Path(WITHOUT_ENVIRONMENT)
    if path == before:
        return (
            f"{before} names no environment: stop its gateways, and rename it, with "
            f"every file whose name begins so, to {own}"
        )
    if path == own and before.exists():
        return (
            f"{before} is not used: bring over what waits in it with `dinie-gateway "
            "inbox recover`, then remove it"
        )
    return None


def prepare(path: Path) -> None:
    """Create the folder and an empty file, readable by this user only.

    Raises:
        FileTrouble: the folder cannot be written.
    """
    try:
        _create_folder(path)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, _PRIVATE_FILE))
    except OSError as error:
        raise _unwritable(path, error) from None


def create_free(path: Path) -> Path:
    """Create an empty file that nobody else has, readable by this user only.

    Args:
        path: Where no file has this name; otherwise a number is added to it.

    Returns:
        Its path.

    Raises:
        FileTrouble: the folder cannot be written.
    """
    free, number = path, 1
    try:
        _create_folder(path)
        while True:
            with suppress(FileExistsError):
                flags = os.O_CREAT | os.O_EXCL | os.O_RDWR
                os.close(os.open(free, flags, _PRIVATE_FILE))
                return free
            number += 1
            free = path.with_name(f"{path.name}-{number}")
    except OSError as error:
        raise _unwritable(path, error) from None


def _create_folder(path: Path) -> None:
    path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)


def _unwritable(path: Path, error: OSError) -> FileTrouble:
    return FileTrouble(
        f"{path} (storage.sqlite_path) cannot be written: {error.strerror}; let "
        "this user write the folder, or mount a volume there"
    )


def find_room(path: Path, size: int) -> None:
    """Check that the disk of a file takes so many more bytes; leave nothing there.

    The blocks are allocated, since space that is reported as free may be reserved or
    beyond a quota.

    Raises:
        FileTrouble: it does not take them.
    """
    scratch = f"{path}.room"
    try:
        file = os.open(scratch, os.O_CREAT | os.O_RDWR, _PRIVATE_FILE)
        try:
            os.unlink(scratch)  # noqa: PTH108 - hot: no Path is made for it
            os.posix_fallocate(file, 0, size)
        finally:
            os.close(file)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            reason = f"the disk is full: make room; it has under {size // 1024} KiB"
        else:
            reason = f"it cannot be written: {error.strerror}"
        raise FileTrouble(f"{path} (storage.sqlite_path): {reason}") from None


def hold(path: Path) -> int | None:
    """Lock a file for the life of the process.

    The lock only tells gateways of one host apart; SQLite has locks of its own.

    Returns:
        The lock's file descriptor; None where another process holds it.
    """
    try:
        lock = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR, _PRIVATE_FILE)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def identity(path: Path) -> Identity:
    """Return the inodes of the database, its log and the log's index."""
    return tuple(inode(f"{path}{suffix}") for suffix in _BESIDE)


def inode(path: str | Path) -> Inode | None:
    """Return device and inode of a file; None: there is none, or it cannot be seen."""
    try:
        found = os.stat(path)  # noqa: PTH116 - at each commit: no Path is made for it
    except OSError:
        return None
    return found.st_dev, found.st_ino


def move_aside(path: Path, stamp: str) -> str:
    """Rename a damaged file and its logs; return the new name.

    Raises:
        OSError: it cannot be moved.
    """
    aside = f"{path}.corrupt-{stamp}"
    for suffix in _BESIDE:
        source = Path(f"{path}{suffix}")
        if source.exists():
            source.rename(f"{aside}{suffix}")
    return aside
