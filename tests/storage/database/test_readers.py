"""Readers: kept open, and never on a file that has lost its name."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.storage.database.readers import Readers


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "x.db"
    write(made, "one")
    return made


@pytest.fixture
async def readers(path: Path) -> AsyncIterator[Readers]:
    made = Readers(path, busy=100)
    yield made
    await made.close()


def write(path: Path, said: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE IF NOT EXISTS t (said TEXT)")
        connection.execute("INSERT INTO t VALUES (?)", (said,))


def remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def said(connection: sqlite3.Connection) -> list[str]:
    return [one for (one,) in connection.execute("SELECT said FROM t")]


async def test_a_connection_is_opened_once(readers: Readers) -> None:
    """Opening one for each look cost more than the look."""
    seen = {await readers.read(id) for _ in range(20)}

    assert len(seen) <= 2


async def test_what_was_written_since_is_read(readers: Readers, path: Path) -> None:
    """A connection that stays open must not stay behind."""
    before = await readers.read(said)
    write(path, "two")

    assert (before, await readers.read(said)) == (["one"], ["one", "two"])


async def test_a_file_that_took_the_name_is_read_from_then_on(
    readers: Readers, path: Path
) -> None:
    """A damaged file was moved aside, or a removed one written again."""
    await readers.read(said)
    remove(path)
    write(path, "another")

    assert await readers.read(said) == ["another"]


async def test_what_cannot_be_read_is_opened_anew(readers: Readers, path: Path) -> None:
    """A fault of the disk may be over."""
    with pytest.raises(sqlite3.Error):
        await readers.read(lambda connection: connection.execute("NONSENSE"))

    assert await readers.read(said) == ["one"]
    with pytest.raises(sqlite3.OperationalError):
        await readers.read(
            lambda connection: connection.execute("DELETE FROM t").fetchall()
        )
    remove(path)
    with pytest.raises(sqlite3.OperationalError):
        await readers.read(said)
