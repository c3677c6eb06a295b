"""The database: a write that has returned is on disk, whatever the disk does."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.storage.database.database import Database, DatabaseUnavailable
from gateway.storage.database.files import FileTrouble

ADD = "INSERT INTO disabled (subscriber, since) VALUES (?, 1.0)"


class Scene:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.moved: list[str] = []
        self.database = self.open()

    def open(self) -> Database:
        return Database(self.path, stamp=lambda: "now", on_quarantine=self.moved.append)

    async def add(self, name: str) -> None:
        await self.database.write(lambda c: c.execute(ADD, (name,)))

    async def names(self) -> list[str]:
        found = await self.database.read(
            lambda c: c.execute("SELECT subscriber FROM disabled ORDER BY 1").fetchall()
        )
        return [name for (name,) in found]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(tmp_path / "var" / "gateway.db")
    yield made
    await made.database.close()


async def test_what_was_written_is_there_after_a_restart(scene: Scene) -> None:
    """In a write-ahead log that is flushed with each commit."""
    await scene.add("a")
    settings = await scene.database.write(
        lambda c: [
            c.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "auto_vacuum")
        ]
    )
    await scene.database.close()
    scene.database = scene.open()

    assert settings == ["wal", 2, 1, 2]
    assert await scene.names() == ["a"]


async def test_many_writes_go_with_one_commit(scene: Scene) -> None:
    """The disk's latency bounds the wait, not the rate."""
    await scene.add("first")
    commits: list[str] = []
    await scene.database.write(
        lambda c: c.set_trace_callback(
            lambda text: commits.append(text) if text == "COMMIT" else None
        )
    )
    commits.clear()

    await asyncio.gather(*(scene.add(f"n{number}") for number in range(200)))

    assert len(await scene.names()) == 201
    assert len(commits) <= 20


async def test_a_job_that_fails_undoes_its_own_work_only(scene: Scene) -> None:
    """One bad delivery must not take its neighbours along."""

    def half(connection: sqlite3.Connection) -> None:
        connection.execute(ADD, ("half",))
        raise LookupError("no")

    def twice(connection: sqlite3.Connection) -> None:
        connection.execute(ADD, ("a",))

    results = await asyncio.gather(
        scene.add("a"),
        scene.database.write(half),
        scene.database.write(twice),
        scene.add("b"),
        return_exceptions=True,
    )

    assert [type(one) for one in results] == [
        type(None),
        LookupError,
        sqlite3.IntegrityError,
        type(None),
    ]
    assert await scene.names() == ["a", "b"]


def bound(pages: int) -> Any:
    """Bound the file, which is how a disk that is full shows."""
    return lambda c: c.execute(f"PRAGMA max_page_count={pages}").fetchone()


def large(connection: sqlite3.Connection) -> None:
    connection.execute(ADD, ("x" * 100_000,))


async def test_a_full_disk_loses_nothing_and_is_over_when_there_is_room(
    scene: Scene,
) -> None:
    """Who was told yes stays; who was told no comes again."""
    await scene.add("before")
    await scene.database.write(bound(1))

    with pytest.raises(DatabaseUnavailable, match="disk is full: make room"):
        await scene.database.write(large)
    trouble = scene.database.trouble
    await scene.database.write(bound(100_000))
    await scene.add("after")
    await scene.database.probe(4096)

    assert trouble is not None
    assert scene.database.trouble is None
    assert await scene.names() == ["after", "before"]


async def test_a_small_write_that_fits_does_not_end_a_full_disk(scene: Scene) -> None:
    """Readiness would say that it can be written between two refused deliveries."""
    await scene.add("before")
    await scene.database.write(bound(1))
    with pytest.raises(DatabaseUnavailable):
        await scene.database.write(large)

    await scene.add("small")

    assert "the disk is full" in str(scene.database.trouble)


async def test_a_probe_writes_a_page_each_time(scene: Scene) -> None:
    """What writes nothing finds nothing out."""
    await scene.add("a")
    log = f"{scene.path}-wal"
    sizes = []
    for _ in range(3):
        await scene.database.probe(4096)
        sizes.append(os.stat(log).st_size)  # noqa: PTH116

    assert sizes[0] < sizes[1] < sizes[2]


async def test_a_probe_finds_out_that_a_delivery_has_no_room(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its page may fit into what the log has had before."""

    def full(path: Path, size: int) -> None:
        raise FileTrouble(f"{path}: the disk is full: make room ({size})")

    await scene.add("a")
    monkeypatch.setattr("gateway.storage.database.database.find_room", full)

    with pytest.raises(DatabaseUnavailable, match=r"disk is full: make room \(4096\)"):
        await scene.database.probe(4096)


async def test_a_file_that_another_process_holds_is_said(scene: Scene) -> None:
    """After two seconds, so that Dinie gets its answer."""
    await scene.add("a")
    await scene.database.write(lambda c: c.execute("PRAGMA busy_timeout=20").fetchone())
    with closing(sqlite3.connect(scene.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseUnavailable, match="another process holds it"):
            await scene.add("b")
        other.execute("ROLLBACK")
    await scene.add("c")

    assert await scene.names() == ["a", "c"]


async def test_a_folder_that_cannot_be_made_is_said_and_tried_again(
    scene: Scene,
) -> None:
    """A volume may come late."""
    blocked = scene.path.parent
    blocked.write_text("a file where the folder should be")
    with pytest.raises(DatabaseUnavailable, match="mount a volume there"):
        await scene.add("a")
    blocked.unlink()

    await scene.add("b")

    assert await scene.names() == ["b"]


@pytest.mark.parametrize("damage", ["no-database", "torn-page", "cut"])
async def test_a_damaged_file_is_moved_aside_and_a_fresh_one_serves(
    scene: Scene, damage: str
) -> None:
    """Never deleted: what can be read of it is brought over later."""
    for number in range(300):
        await scene.add(f"n{number:03}" + "x" * 200)
    await scene.database.close()
    whole = scene.path.read_bytes()
    broken = {
        "no-database": b"this is no database" * 300,
        "torn-page": whole[:4096] + b"\x00garbage" * 512 + whole[8192:],
        "cut": whole[: len(whole) // 2],
    }[damage]
    scene.path.write_bytes(broken)
    scene.database = scene.open()

    with pytest.raises(DatabaseUnavailable, match="moved aside"):
        await scene.add("lost, and told so")
    await scene.add("kept")

    aside = scene.path.with_name("gateway.db.corrupt-now")
    assert scene.moved == [str(aside)]
    assert aside.stat().st_size == len(broken)
    assert await scene.names() == ["kept"]


async def test_what_nobody_waits_for_is_not_done(scene: Scene) -> None:
    """The sender was told to come again."""
    await scene.add("a")
    hold = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(_: sqlite3.Connection) -> None:
        asyncio.run_coroutine_threadsafe(hold.wait(), loop).result()

    slowly = asyncio.ensure_future(scene.database.write(slow))
    await asyncio.sleep(0.02)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await scene.add("b")
    hold.set()
    await slowly

    assert await scene.names() == ["a"]


async def test_too_many_writes_are_refused_and_not_heaped_up(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is not where deliveries are kept."""
    monkeypatch.setattr("gateway.storage.database.database._MOST_WAITING", 5)

    results = await asyncio.gather(
        *(scene.add(f"n{number}") for number in range(500)), return_exceptions=True
    )

    refused = [one for one in results if isinstance(one, DatabaseUnavailable)]
    assert refused
    assert len(await scene.names()) == 500 - len(refused)


async def test_a_closed_store_says_so(scene: Scene) -> None:
    """And closing twice is no harm."""
    await scene.add("a")
    await scene.database.close()

    with pytest.raises(DatabaseUnavailable, match="closed"):
        await scene.add("b")


async def test_a_file_that_is_not_there_cannot_be_read(scene: Scene) -> None:
    """Reading makes no file."""
    with pytest.raises(DatabaseUnavailable, match="cannot be opened"):
        await scene.names()

    assert not scene.path.exists()
