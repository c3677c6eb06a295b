"""Integrity: a file is reported as damaged only where it is."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gateway.storage.database.integrity import check, explain

# Each in a process of its own: SQLite's limit can never be raised again.
STARVED = """
import asyncio, os, sqlite3, sys
from gateway.storage.database.database import Database, DatabaseUnavailable

async def main():
    moved = []
    database = Database(sys.argv[1], stamp=lambda: "now", on_quarantine=moved.append)
    limit = sqlite3.connect(":memory:")
    limit.execute(f"PRAGMA hard_heap_limit={sys.argv[2]}")
    said = []
    for _ in range(2):
        try:
            async with asyncio.timeout(20):
                await database.write(lambda c: c.execute("SELECT 1"))
        except DatabaseUnavailable as error:
            said.append("memory" in str(error))
    print(moved, said)

asyncio.run(main())
sys.stdout.flush()
os._exit(0)
"""


class Answering:
    """A connection whose check says something."""

    def __init__(self, said: str | None) -> None:
        self.said = said

    def execute(self, _: str) -> "Answering":
        return self

    def fetchone(self) -> tuple[str] | None:
        return None if self.said is None else (self.said,)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        pytest.param("Page 2: unable to get the page. error code=7", 7, id="memory"),
        pytest.param("unable to get the page. error code=266", 266, id="disk"),
        pytest.param("unable to get the page. error code=522", 11, id="cut-off"),
        pytest.param("error code=11", 11, id="corrupt"),
        pytest.param("Page 3: btreeInitPage() returns error code 11", 11, id="page"),
        pytest.param("wrong # of entries in index i", 11, id="index"),
        pytest.param(None, 11, id="nothing"),
    ],
)
def test_what_could_not_be_read_is_no_damage(said: str | None, code: int) -> None:
    """A whole file that is moved aside is deliveries forgotten."""
    with pytest.raises(sqlite3.Error) as raised:
        check(Answering(said))  # type: ignore[arg-type]

    assert raised.value.sqlite_errorcode == code


@pytest.mark.parametrize("limit", [90_000, 100_000, 120_000])
def test_a_gateway_without_memory_leaves_a_whole_file_alone(
    tmp_path: Path, limit: int
) -> None:
    """It says what is missing, and goes on trying."""
    path = tmp_path / "gateway.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        rows = [(n, f"{n:050}") for n in range(20_000)]
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        connection.execute("COMMIT")

    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", STARVED, str(path), str(limit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout.strip() == "[] [True, True]", done.stderr
    assert path.exists()


def test_a_reason_names_the_setting_and_what_to_do() -> None:
    """Whoever reads it at night has only this line."""
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    path = Path("gateway.db")

    assert explain(error, path) == (
        "gateway.db (storage.sqlite_path): the disk is full: make room"
    )
    assert "no memory left" in explain(MemoryError(), path)
