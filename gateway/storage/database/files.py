"""Where does a database file lie, and what becomes of one that is damaged?"""

import errno
import fcntl
import os
from pathlib import Path
from typing import Final

_BESIDE: Final = ("", "-wal", "-shm")  # what SQLite keeps next to a file
_OWN_FOLDER: Final = 0o700
_OWN_FILE: Final = 0o600  # bodies hold personal data

WITHOUT_ENVIRONMENT: Final = "var/gateway.db"  # once the default

Inode = tuple[int, int]
Identity = tuple[Inode | None, ...]


class FileTrouble(Exception):  # noqa: N818 - named for what happened
    """A file or its folder cannot be used; the text says what to do."""


def default_path(environment: str) -> str:
    """Return where an environment's database is unless the configuration says it.

    Two environments that begin in one folder must not share a file by accident. A file
    of before that rule is used on: what waits in it must not be left behind.
    """
    own = Path(f"var/gateway-{environment}.db")
    before = Path(WITHOUT_ENVIRONMENT)
    return str(before if before.exists() and not own.exists() else own)


def advice(path: Path, environment: str) -> str | None:
    """Return what to do about a file of before environments had their own.

    Args:
        path: That is used.
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
    """Make the folder and an empty file that nobody else may read.

    Raises:
        FileTrouble: the folder cannot be written.
    """
    try:
        path.parent.mkdir(mode=_OWN_FOLDER, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, _OWN_FILE))
    except OSError as error:
        raise FileTrouble(
            f"{path} (storage.sqlite_path) cannot be written: {error.strerror}; let "
            "this user write the folder, or mount a volume there"
        ) from None


def find_room(path: Path, size: int) -> None:
    """See whether the disk of a file takes so many bytes more; nothing is left there.

    The blocks are really asked for: what a file system says is free may be reserved,
    or above a quota.

    Raises:
        FileTrouble: it does not.
    """
    scratch = f"{path}.room"
    try:
        file = os.open(scratch, os.O_CREAT | os.O_RDWR, _OWN_FILE)
        try:
            os.unlink(scratch)  # noqa: PTH108 - each second: no Path is made for it
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
    """Return a lock on a file, as long as the process lives; None: another has it.

    It only tells gateways of one host apart; SQLite has locks of its own.
    """
    try:
        lock = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR, _OWN_FILE)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def identity(path: Path) -> Identity:
    """Return which files are there now: the database, its log and the log's index."""
    return tuple(inode(f"{path}{suffix}") for suffix in _BESIDE)


def inode(path: str | Path) -> Inode | None:
    """Return which file has a name now; None: there is none, or it cannot be seen."""
    try:
        found = os.stat(path)  # noqa: PTH116 - at each commit: no Path is made for it
    except OSError:
        return None
    return found.st_dev, found.st_ino


def move_aside(path: Path, stamp: str) -> str:
    """Give a damaged file another name, with what belongs to it; return the name.

    Raises:
        OSError: it cannot be moved.
    """
    aside = f"{path}.corrupt-{stamp}"
    for suffix in _BESIDE:
        source = Path(f"{path}{suffix}")
        if source.exists():
            source.rename(f"{aside}{suffix}")
    return aside
