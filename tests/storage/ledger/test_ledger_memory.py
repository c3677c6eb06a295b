"""The ledger: what memory has no room for is looked up, and nothing left is lost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.core.clock import CONFIRMED_AFTER, instant
from gateway.idempotency.memory import MemoryRecords
from gateway.storage.database.database import Database, DatabaseUnavailable
from tests.storage.ledger.test_ledger import PRINT, Scene, intent


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(tmp_path / "gateway.db")
    made.ledger.loaded = True  # nothing was there
    yield made
    made.ledger.close()
    await made.database.close()


async def answered(scene: Scene, *keys: str) -> None:
    for key in keys:
        await scene.begin(key, upstream_key=f"shop:{key}")
        scene.end(key, "answered", status=201)
        scene.clock.advance(1.0)


async def away(*_: object) -> None:
    raise DatabaseUnavailable("another process holds it")


async def test_what_memory_has_no_room_for_is_in_the_file(scene: Scene) -> None:
    """The newest and the unknown ones come back; the others are found when asked."""
    await scene.begin("lost")
    await answered(scene, "old", "middle", "new")
    await scene.ledger.fold()

    records = await scene.kill(capacity=3)

    held = [
        key
        for key in ("lost", "old", "middle", "new")
        if records.get(key, now=instant(scene.clock))
    ]
    assert (held, records.whole) == (["lost", "middle", "new"], False)
    found = await scene.ledger.recall("old")
    assert found is not None
    assert (found.outcome, found.fingerprint, found.upstream_key) == (
        "answered",
        PRINT,
        "shop:old",
    )
    assert scene.clock.now() - found.created_at.monotonic == pytest.approx(3.0)
    assert await scene.ledger.recall("another") is None


async def test_memory_that_holds_everything_says_so(scene: Scene) -> None:
    """Then a key that it does not know is a new one, and no file is asked."""
    await answered(scene, "old")

    assert (await scene.kill()).whole is True


async def test_a_start_with_a_clock_far_ahead_forgets_no_key(scene: Scene) -> None:
    """Dinie may have forgotten it: sent again, it would lend twice."""
    await answered(scene, "used")
    await scene.ledger.fold()
    scene.clock.suspend(8 * 86_400.0)

    records = await scene.kill()

    assert records.whole is False
    found = await scene.ledger.recall("used")
    assert found is not None
    assert found.outcome == "answered"


async def test_a_key_of_yesterday_is_no_new_one_while_the_clock_is_ahead(
    scene: Scene,
) -> None:
    """Found in the file and dropped from memory at once, it would go out again."""
    await answered(scene, "used")
    await scene.ledger.fold()
    scene.clock.advance(25 * 3600.0)
    scene.clock.suspend(8 * 86_400.0)

    records = await scene.kill()

    assert records.get("used", now=instant(scene.clock)) is not None
    scene.clock.advance(CONFIRMED_AFTER)
    assert records.get("used", now=instant(scene.clock)) is None


async def test_what_a_kill_left_is_known_before_it_can_be_folded(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a change of the scope or the namespace Dinie knows it under its old key."""
    await scene.begin("dropped")
    scene.ledger.forget("dropped")  # written with the next intent
    await scene.begin("order-1", upstream_key="shop:order-1")
    await scene.die()
    monkeypatch.setattr(Database, "write", away)
    with pytest.raises(DatabaseUnavailable):
        await scene.ledger.load(MemoryRecords(on_evicted=lambda: None))

    found = await scene.ledger.recall("order-1")

    assert found is not None
    assert (found.outcome, found.upstream_key) == ("unknown", "shop:order-1")
    assert await scene.ledger.recall("dropped") is None


async def test_a_key_that_a_neighbour_used_is_no_new_one(scene: Scene) -> None:
    """While one gateway takes over from another, both write one file."""
    records = await scene.kill()
    whole = records.whole
    await scene.database.probe(4096)
    database, neighbour = scene.open()
    neighbour.loaded = True
    await neighbour.begin(intent("folded"))
    await neighbour.fold()
    await scene.database.probe(4096)  # as each write does, it looks for others'
    task = asyncio.ensure_future(scene.ledger.run(records, lambda _: None))
    async with asyncio.timeout(20):
        while records.whole:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    await neighbour.begin(intent("appended"))

    found = [await scene.ledger.recall(key) for key in ("folded", "appended", "new")]

    neighbour.close()
    await database.close()
    assert whole
    assert [one and one.outcome for one in found] == ["unknown", "unknown", None]


async def test_a_key_is_found_for_a_week(scene: Scene) -> None:
    """And never where nothing was sent under it."""
    await answered(scene, "used")
    await scene.begin("dropped")
    scene.ledger.forget("dropped")
    await scene.ledger.fold()

    assert await scene.ledger.recall("dropped") is None
    assert await scene.ledger.recall("used") is not None
    scene.clock.advance(604_801.0)
    assert await scene.ledger.recall("used") is None


async def test_a_file_that_cannot_be_asked_knows_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request goes on: Dinie's own memory of the key stands."""
    monkeypatch.setattr(Database, "read", away)

    assert await scene.ledger.recall("order-1") is None
    assert scene.failures == ["another process holds it"]


async def test_a_generated_key_that_was_under_way_is_not_taken_for_a_new_one(
    scene: Scene,
) -> None:
    """Its body was never looked at: any is taken, but not after Dinie's day."""
    await scene.begin("gw-1", fingerprint=b"", generated=True)

    record = (await scene.kill()).get("gw-1", now=instant(scene.clock))

    assert record is not None
    assert (record.outcome, record.fingerprint) == ("unknown", b"")


async def test_what_was_left_outlives_a_process_that_could_not_read_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It serves, ends and leaves its own beside it: both are known afterwards."""
    await scene.begin("left")
    await scene.die()
    monkeypatch.setattr(Database, "write", away)
    with pytest.raises(DatabaseUnavailable):
        await scene.ledger.load(MemoryRecords(on_evicted=lambda: None))
    await scene.begin("own")
    monkeypatch.undo()
    await scene.ledger.fold()  # as at its end

    records = await scene.kill()

    for key in ("left", "own"):
        assert records.get(key, now=instant(scene.clock)) is not None, key


async def test_what_is_begun_while_the_past_is_read_is_kept(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file was away at the start, and requests did not wait for it."""
    await scene.begin("left")
    await scene.die()
    write = Database.write

    async def slowly(self: Database, job: object) -> object:
        await scene.begin("meanwhile")
        monkeypatch.undo()
        return await write(self, job)  # type: ignore[arg-type]

    monkeypatch.setattr(Database, "write", slowly)
    await scene.ledger.load(MemoryRecords(on_evicted=lambda: None))

    records = await scene.kill()

    assert records.get("meanwhile", now=instant(scene.clock)) is not None


async def test_a_clock_that_jumps_ahead_for_a_minute_forgets_no_key(
    scene: Scene,
) -> None:
    """Forgotten here, and by Dinie after a day, a key would be a second loan."""
    await scene.begin("order-1")
    scene.end("order-1", "answered", status=201)
    await scene.rows()
    scene.clock.advance(2 * CONFIRMED_AFTER)
    await scene.ledger._tidy()

    scene.clock.suspend(8 * 86_400.0)
    scene.clock.advance(601)
    await scene.ledger._tidy()
    recalled = await scene.ledger.recall("order-1")
    scene.clock.suspend(-8 * 86_400.0)

    assert recalled is not None
    assert await scene.rows() == {"order-1": "answered"}


async def test_a_key_is_forgotten_after_a_week_that_passed(scene: Scene) -> None:
    """The file must not grow for ever."""
    await scene.begin("order-1")
    scene.end("order-1", "answered", status=201)
    await scene.rows()

    scene.clock.advance(8 * 86_400.0)
    await scene.ledger._tidy()

    assert await scene.rows() == {}
