"""Appends intents and outcomes to files beside the database, one line each.

A POST waits for the append, which takes microseconds where a commit takes a hundred,
and which outlives the process as well. The ledger folds the lines into the database
twice a second.

Each process has files of its own, numbered in the order of their creation and locked
while they grow, so that another process does not fold what is still being written.

Source: docs/adr/0011-ledger.md.
"""

import errno
import fcntl
import glob
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson

FIELDS: Final = 11  # of a row: the columns of `ledger`
_OLD_FIELDS: Final = 10  # of earlier versions, without the key upstream
_PRIVATE_FILE: Final = 0o600
MARK: Final = ".intents"
_DIGITS: Final = 10
_NONE: Final = -3
_OLD_NAMES: Final = {"folding": -2, "": -1}  # older than any number

Row = tuple[Any, ...]


class IntentLog:
    """The files of one process: one that grows, and those that are being folded."""

    def __init__(self, path: Path) -> None:
        """Open nothing yet; `path` is that of the database."""
        self._stem = f"{path.name}{MARK}"
        self._folder = path.parent
        self._file: int | None = None
        self._growing: Path | None = None
        self._folding: list[Path] = []
        self._torn = False

    def append(self, rows: Iterable[Row]) -> None:
        """Append rows, one line each; afterwards a kill does not undo them.

        Raises:
            OSError: the disk does not take them.
        """
        file = self._file if self._file is not None else self._open()
        lines = b"".join(orjson.dumps(row) + b"\n" for row in rows)
        if self._torn:
            lines = b"\n" + lines  # a line that was cut off must not join the next one
        self._torn = True
        if os.write(file, lines) < len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._torn = False

    def _open(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = max((_number(path, self._stem) for path in self._all()), default=0)
        flags = os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_WRONLY
        while True:
            number = max(number, 0) + 1
            path = self._folder / f"{self._stem}.{number:0{_DIGITS}d}"
            with suppress(FileExistsError):  # another process has just created it
                file = os.open(path, flags, _PRIVATE_FILE)
                break
        with suppress(OSError):  # not every volume can lock
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._file, self._growing, self._torn = file, path, False
        return file

    def _all(self) -> list[Path]:
        found = self._folder.glob(f"{glob.escape(self._stem)}*")
        return [path for path in found if _number(path, self._stem) > _NONE]

    def rotate(self) -> None:
        """Close the file, which is about to be folded; the next row opens another."""
        if self._growing is not None:
            self._folding.append(self._growing)
            self.close()

    def folded(self) -> None:
        """Remove the files of before the last rotation: they are folded."""
        for path in self._folding:
            self.forget(path)
        self._folding = []

    def left(self) -> list[Path]:
        """Return the files that ended processes did not fold, oldest first."""
        found = [path for path in self._all() if not self._is_taken(path)]
        return sorted(found, key=lambda path: _number(path, self._stem))

    def rows(self) -> list[Row]:
        """Return the rows of all files, those of running processes too, oldest first.

        Nothing is locked, so that a gateway that starts meanwhile folds what was left.

        Raises:
            OSError: one cannot be read.
        """
        paths = sorted(self._all(), key=lambda path: _number(path, self._stem))
        found: list[Row] = []
        for path in paths:
            with suppress(FileNotFoundError):  # folded just now
                found += read(path)
        return found

    def _is_taken(self, path: Path) -> bool:
        """Return whether a file belongs to this or another running process."""
        if path == self._growing or path in self._folding:
            return True
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno == errno.EWOULDBLOCK
        finally:
            os.close(file)
        return False

    @staticmethod
    def forget(path: Path) -> None:
        """Remove a file whose rows are folded."""
        path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file; the next row opens another."""
        if self._file is not None:
            os.close(self._file)
            self._file = self._growing = None


def read(path: Path) -> list[Row]:
    """Return the rows of a file, in order, without lines that were cut off.

    Raises:
        OSError: it cannot be read.
    """
    return [row for line in path.read_bytes().split(b"\n") if (row := _row(line))]


def _number(path: Path, stem: str) -> int:
    """Return a file's number in the order of creation; `_NONE`: it is no such file."""
    name = path.name.removeprefix(stem).removeprefix(".")
    return _OLD_NAMES.get(name, int(name) if name.isdecimal() else _NONE)


def _row(line: bytes) -> Row | None:
    """Return a row; None for a line that was cut off."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(row, list) or len(row) not in {_OLD_FIELDS, FIELDS}:
        return None
    return (*row, "") if len(row) == _OLD_FIELDS else tuple(row)
