"""A database whose file is removed or replaced while it is open."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.storage.database.database import Database, DatabaseUnavailable
from gateway.storage.database.removal import save
from tests.storage.database.test_database import Scene


class Watched(Scene):
    """Hears of removals, too."""

    def __init__(self, path: Path) -> None:
        self.removed: list[str] = []
        super().__init__(path)

    def open(self) -> Database:
        return Database(
            self.path,
            stamp=lambda: "now",
            on_quarantine=self.moved.append,
            on_removed=self.removed.append,
        )

    @property
    def aside(self) -> Path:
        return self.path.with_name("gateway.db.removed-now")


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Watched]:
    made = Watched(tmp_path / "var" / "gateway.db")
    yield made
    await made.database.close()


def remove(path: Path, *suffixes: str) -> None:
    for suffix in suffixes:
        Path(f"{path}{suffix}").unlink()


@pytest.mark.parametrize("suffixes", [("",), ("", "-wal", "-shm")])
async def test_what_was_acknowledged_outlives_its_file(
    scene: Watched, suffixes: tuple[str, ...]
) -> None:
    """Whoever writes next is told no, and what was there is under its name again."""
    for number in range(20):
        await scene.add(f"n{number:02}")
    remove(scene.path, *suffixes)

    with pytest.raises(DatabaseUnavailable, match="was removed while in use"):
        await scene.add("told to come again")
    await scene.add("kept")
    await scene.database.close()
    scene.database = scene.open()

    assert await scene.names() == ["kept", *(f"n{number:02}" for number in range(20))]
    assert len(scene.removed) == 1
    assert scene.path.stat().st_mode & 0o077 == 0
    assert list(scene.path.parent.glob("*removed*")) == []


async def test_a_removal_is_noticed_while_nothing_is_written(scene: Watched) -> None:
    """A restart may come before the next delivery."""
    await scene.add("a")
    remove(scene.path, "")

    async with asyncio.timeout(10):
        while not scene.removed:  # noqa: ASYNC110 - the writer's thread has no event
            await asyncio.sleep(0.02)

    assert "was removed while in use" in str(scene.database.trouble)
    assert await scene.names() == ["a"]


async def test_nothing_is_acknowledged_that_has_no_name(scene: Watched) -> None:
    """The file goes between a write and its commit."""
    await scene.add("a")

    def between(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO disabled (subscriber, since) VALUES ('b', 1)")
        remove(scene.path, "")

    with pytest.raises(DatabaseUnavailable, match="was removed while in use"):
        await scene.database.write(between)

    assert await scene.names() == ["a", "b"]


async def test_another_file_under_the_name_is_left_as_it_is(scene: Watched) -> None:
    """A restored copy serves; what came since is beside it, for `inbox recover`."""
    await scene.add("a")
    copy = scene.path.with_name("copy")
    await scene.database.write(lambda _: None)
    with (
        closing(sqlite3.connect(scene.path)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    await scene.add("since")
    copy.replace(scene.path)

    with pytest.raises(DatabaseUnavailable, match=r"removed-now.*inbox recover"):
        await scene.add("told to come again")
    await scene.add("b")

    with closing(sqlite3.connect(scene.aside)) as aside:
        kept = aside.execute("SELECT subscriber FROM disabled ORDER BY 1").fetchall()
    assert kept == [("a",), ("since",)]
    assert await scene.names() == ["a", "b"]


async def test_a_copy_that_another_gateway_makes_is_not_written(scene: Watched) -> None:
    """Both notice in the same second, and one may serve from its copy already."""
    await scene.add("a")
    with closing(sqlite3.connect(scene.aside)) as other:
        other.execute("CREATE TABLE acknowledged (one TEXT)")
    remove(scene.path, "")

    with pytest.raises(DatabaseUnavailable, match="same name again"):
        await scene.add("told to come again")

    with closing(sqlite3.connect(scene.aside)) as other:
        assert other.execute("SELECT * FROM acknowledged").fetchall() == []
    assert await scene.names() == ["a"]


async def test_what_cannot_be_written_again_yet_is_not_let_go(scene: Watched) -> None:
    """The open file is all there is: nothing is taken in, and it is tried again."""
    await scene.add("a")
    folder = scene.path.parent
    for one in folder.iterdir():
        one.unlink()
    folder.rmdir()
    folder.write_text("a file where the folder should be")

    for _ in range(2):
        with pytest.raises(DatabaseUnavailable, match="cannot be written again yet"):
            await scene.add("b")
    folder.unlink()
    with pytest.raises(DatabaseUnavailable, match="under the same name again"):
        await scene.add("b")
    await scene.add("c")

    assert await scene.names() == ["a", "c"]
    assert len(scene.removed) == 2


async def test_a_file_that_went_while_it_was_closed_is_said_to_be_gone(
    scene: Watched,
) -> None:
    """It goes on with a fresh one, and not without a word."""
    await scene.add("a")

    def failing(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("the disk fails")

    with pytest.raises(DatabaseUnavailable):
        await scene.database.write(failing)
    remove(scene.path, "")
    await scene.add("b")

    assert await scene.names() == ["b"]
    assert len(scene.removed) == 1
    assert scene.removed[0].endswith("what it held is gone")


def test_a_file_system_without_links_gets_the_name_by_renaming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every volume has them."""

    def no_links(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("gateway.storage.database.removal.os.link", no_links)
    path, aside = tmp_path / "gateway.db", tmp_path / "aside"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (n)")
    path.unlink()

    first = save(
        connection,
        path,
        aside=aside,
        known=(None, None, None),
        disconnect=lambda: None,
    )
    second = save(
        connection,
        path,
        aside=aside,
        known=(None, None, None),
        disconnect=connection.close,
    )

    assert (first.saved, second.saved) == (True, True)
    assert "the same name again" in str(first)
    assert str(aside) in str(second)
    assert path.exists()
