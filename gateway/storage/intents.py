"""What was begun since the last fold into the database? One line each, appended.

An append costs microseconds where a commit costs a hundred, and it outlives the process
as well: that a POST waits for. The database gets the lines twice a second.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson

FIELDS: Final = 10  # of a row: the columns of `ledger`
_OWN: Final = 0o600

Row = tuple[Any, ...]


class IntentLog:
    """Two files beside the database: one that grows, one that is being folded."""

    def __init__(self, path: Path) -> None:
        """Wire it; nothing is opened yet."""
        self._path = Path(f"{path}.intents")
        self._older = Path(f"{path}.intents.folding")
        self._file: int | None = None

    def append(self, rows: Iterable[Row]) -> None:
        """Write rows, one line each; when it returns a kill does not undo it.

        Raises:
            OSError: the disk does not take them.
        """
        if self._file is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY
            self._file = os.open(self._path, flags, _OWN)
        lines = b"".join(orjson.dumps(row) + b"\n" for row in rows)
        if os.write(self._file, lines) < len(lines):
            # The disk is full in the middle of a line; the next one begins anew.
            os.write(self._file, b"\n")
            raise OSError(28, os.strerror(28))

    def rotate(self) -> None:
        """Begin another file; what was written is about to be folded.

        Where an earlier fold failed its file is still there, and this one goes on.
        """
        if self._older.exists() or not self._path.exists():
            return
        self._path.rename(self._older)
        self.close()

    def folded(self) -> None:
        """Forget what was written before the last rotation."""
        with suppress(FileNotFoundError):
            self._older.unlink()

    def left(self) -> list[Row]:
        """Return what another process wrote and did not fold, in order."""
        rows: list[Row] = []
        for path in (self._older, self._path):
            with suppress(FileNotFoundError):
                lines = path.read_bytes().split(b"\n")
                rows += [row for line in lines if (row := _read(line))]
        return rows

    def forget(self) -> None:
        """Remove both files: all that was left is folded."""
        self.close()
        for path in (self._older, self._path):
            with suppress(FileNotFoundError):
                path.unlink()

    def close(self) -> None:
        """Close the file; the next row opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _read(line: bytes) -> Row | None:
    """Return a row; None for a line that was cut off."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return tuple(row) if isinstance(row, list) and len(row) == FIELDS else None
