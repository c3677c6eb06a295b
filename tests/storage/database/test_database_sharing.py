"""The database: commits that are shared, and other processes that write."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from gateway.storage.database.database import Database

ADD = "INSERT INTO disabled (subscriber, since) VALUES (?, 1.0)"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = opened(tmp_path / "gateway.db")
    yield made
    await made.close()


def opened(path: Path) -> Database:
    return Database(path, stamp=lambda: "now", on_quarantine=lambda _: None)


def note(name: str, connection: sqlite3.Connection) -> None:
    connection.execute(ADD, (name,))


async def names(database: Database) -> list[str]:
    query = "SELECT subscriber FROM disabled ORDER BY 1"
    found = await database.read(lambda one: one.execute(query).fetchall())
    return [name for (name,) in found]


async def test_what_may_wait_shares_the_next_commit(database: Database) -> None:
    """The outcome of a delivery needs no commit of its own; alone it soon gets one."""
    await database.write(partial(note, "first"))
    commits: list[str] = []
    await database.write(
        lambda c: c.set_trace_callback(
            lambda text: commits.append(text) if text == "COMMIT" else None
        )
    )
    commits.clear()
    later = [
        asyncio.ensure_future(
            database.write(partial(note, f"later-{number}"), soon=False)
        )
        for number in range(5)
    ]
    await asyncio.sleep(0)
    await database.write(partial(note, "urgent"))
    shared = len(commits)
    await asyncio.gather(*later)

    await database.write(partial(note, "alone"), soon=False)

    assert shared == 1
    assert len(commits) == 2
    assert len(await names(database)) == 8


async def test_what_waits_at_the_end_is_written(database: Database) -> None:
    """A drain loses no outcome: it would be delivered again."""
    later = asyncio.ensure_future(database.write(partial(note, "last"), soon=False))
    await asyncio.sleep(0)
    await database.close()
    await later
    again = opened(database.path)

    assert await names(again) == ["last"]
    await again.close()


async def test_what_another_process_wrote_is_noticed(database: Database) -> None:
    """A replay from the command line is begun without anybody looking for it."""
    await database.write(partial(note, "mine"))
    await database.write(partial(note, "mine-as-well"))
    before = database.changes_of_others
    await database.write(partial(note, "still-mine"))
    unchanged = database.changes_of_others
    with closing(sqlite3.connect(database.path)) as other, other:
        other.execute(ADD, ("theirs",))
    async with asyncio.timeout(10):
        while database.changes_of_others == before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    assert unchanged == before
