"""The database when its files are removed, or memory is exhausted."""

import asyncio
import gc
import os
import sqlite3
import weakref
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from gateway.storage.database.database import DatabaseUnavailable
from tests.storage.database.test_database import Scene


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(tmp_path / "var" / "gateway.db")
    yield made
    await made.database.close()


@pytest.mark.parametrize("removed", ["-wal", "-shm"])
async def test_a_log_that_was_taken_away_loses_nothing(
    scene: Scene, removed: str
) -> None:
    """It is still open: what only it held goes into the database."""
    await scene.add("a")
    os.unlink(f"{scene.path}{removed}")  # noqa: PTH108 - not from a Path in here
    for name in ("b", "c"):
        await scene.add(name)

    with closing(sqlite3.connect(scene.path)) as another:
        found = another.execute("SELECT subscriber FROM disabled ORDER BY 1").fetchall()
    assert found == [("a",), ("b",), ("c",)]


async def test_a_fault_nobody_thought_of_does_not_end_the_thread(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it everybody would wait for ever."""

    def broken(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("gateway.storage.database.connection.migrate", broken)
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable, match="no memory left"):
            await scene.add("a")
    monkeypatch.undo()
    await scene.add("b")

    assert (await scene.names(), scene.moved) == (["b"], [])


async def test_what_nobody_waits_for_is_not_held_either(scene: Scene) -> None:
    """A disk that hangs would fill the memory with bodies."""
    await scene.add("a")
    hold = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(_: sqlite3.Connection) -> None:
        asyncio.run_coroutine_threadsafe(hold.wait(), loop).result()

    class Body:
        pass

    body = Body()
    held = weakref.ref(body)

    def big(_: sqlite3.Connection, body: Body = body) -> None:
        del body

    slowly = asyncio.ensure_future(scene.database.write(slow))
    await asyncio.sleep(0.02)
    with suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await scene.database.write(big)
    del body, big
    gc.collect()
    gone = held() is None
    hold.set()
    await slowly

    assert gone
