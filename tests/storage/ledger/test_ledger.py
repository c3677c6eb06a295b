"""The ledger: an intent before the first byte, an outcome after, and none forgotten."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.core.clock import CONFIRMED_AFTER, instant
from gateway.idempotency.memory import MemoryRecords
from gateway.idempotency.ports import Intent
from gateway.storage.database.database import Database, DatabaseUnavailable
from gateway.storage.ledger.intent_log import IntentLog
from gateway.storage.ledger.ledger import SqliteLedger
from tests.fakes import FakeClock

PRINT = b"\x01" * 32


def intent(key: str, **more: Any) -> Intent:
    given = {"fingerprint": PRINT, "generated": False, **more}
    return Intent(key, route="/loans", request_id="r1", **given)


class Scene:
    def __init__(self, path: Path) -> None:
        self.clock = FakeClock()
        self.path = path
        self.failures: list[str] = []
        self.database, self.ledger = self.open()

    def open(self) -> tuple[Database, SqliteLedger]:
        database = Database(self.path, stamp=lambda: "now", on_quarantine=print)
        ledger = SqliteLedger(
            database,
            environment="local",
            clock=self.clock,
            on_failure=self.failures.append,
        )
        return database, ledger

    async def kill(self, **given: int) -> MemoryRecords:
        """End without a word, and begin anew; return what is known then."""
        await self.die()
        records = MemoryRecords(on_evicted=lambda: None, **given)
        await self.ledger.load(records)
        return records

    async def die(self) -> None:
        self.ledger.close()
        await self.database.close()
        self.database, self.ledger = self.open()

    async def begin(self, key: str, **more: Any) -> None:
        await self.ledger.begin(intent(key, **more))

    def end(self, key: str, outcome: str, *, status: int) -> None:
        self.ledger.end(intent(key), outcome, status=status)

    async def rows(self) -> dict[str, str]:
        await self.ledger.fold()
        return dict(
            await self.database.read(
                lambda c: c.execute(
                    "SELECT key, state FROM ledger WHERE state <> 'dropped'"
                ).fetchall()
            )
        )

    @property
    def lines(self) -> int:
        logs = self.path.parent.glob(f"{self.path.name}.intents*")
        return sum(len(log.read_bytes().splitlines()) for log in logs)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(tmp_path / "gateway.db")
    made.ledger.loaded = True  # nothing was there
    yield made
    made.ledger.close()
    await made.database.close()


async def test_what_was_under_way_when_it_was_killed_is_unknown(scene: Scene) -> None:
    """And its key belongs to the same request as before."""
    await scene.begin("order-1")

    records = await scene.kill()

    record = records.get("order-1", now=instant(scene.clock))
    assert record is not None
    assert (record.outcome, record.fingerprint) == ("unknown", PRINT)
    (unknown,) = await scene.ledger.unknown()
    assert (unknown.key, unknown.route, unknown.request_id) == (
        "order-1",
        "/loans",
        "r1",
    )


async def test_what_was_answered_is_known_after_a_restart(scene: Scene) -> None:
    """A repeat with another body is refused as before."""
    await scene.begin("order-1")
    scene.end("order-1", "answered", status=201)
    await asyncio.sleep(0.05)  # it is appended by itself

    records = await scene.kill()

    record = records.get("order-1", now=instant(scene.clock))
    assert record is not None
    assert record.outcome == "answered"
    assert await scene.ledger.unknown() == []


async def test_a_generated_key_is_forgotten_with_its_answer(scene: Scene) -> None:
    """Nobody can repeat with it; an unknown one is kept with what it stands for."""
    await scene.begin("gw-1", fingerprint=b"", generated=True)
    await scene.begin("gw-2", fingerprint=b"", generated=True)
    scene.ledger.forget("gw-1")
    scene.end("gw-2", "unknown", status=0)

    assert await scene.rows() == {"gw-2": "unknown"}
    records = await scene.kill()
    assert records.get("gw-2", now=instant(scene.clock)) is not None


async def test_a_record_outlives_dinies_memory_of_the_key(scene: Scene) -> None:
    """For a week it is known that the key was used; then it is another request's."""
    await scene.begin("order-1")
    scene.clock.advance(86_401)
    kept = await scene.kill()
    assert kept.get("order-1", now=instant(scene.clock)) is not None
    scene.clock.advance(604_800 - 86_400)

    records = await scene.kill()
    scene.clock.advance(CONFIRMED_AFTER)

    assert records.get("order-1", now=instant(scene.clock)) is None
    assert len(await scene.ledger.unknown()) == 1  # somebody still has to look


async def test_an_intent_is_appended_before_anything_else_happens(
    scene: Scene,
) -> None:
    """A kill right after it finds it there; the database comes later."""
    await scene.begin("order-1")
    appended = scene.lines
    before = scene.path.exists()
    rows = await scene.rows()

    assert (appended, before, rows) == (1, False, {"order-1": "in_flight"})
    assert scene.lines == 0  # folded, and forgotten


async def test_a_kill_at_any_moment_of_a_fold_forgets_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rotated and not written, or written and not removed: both are read again."""
    await scene.begin("order-1")
    monkeypatch.setattr(IntentLog, "folded", lambda _: None)
    await scene.ledger.fold()  # written, and its file still there
    await scene.begin("order-2")
    scene.end("order-1", "answered", status=201)
    await asyncio.sleep(0.05)

    records = await scene.kill()

    outcomes = [
        record.outcome
        for key in ("order-1", "order-2")
        if (record := records.get(key, now=instant(scene.clock)))
    ]
    assert outcomes == ["answered", "unknown"]


async def test_a_database_that_is_away_holds_up_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Intents are appended on, and folded when it is back."""

    async def away(*_: object) -> None:
        raise DatabaseUnavailable("another process holds it")

    await scene.begin("order-1")
    monkeypatch.setattr(Database, "write", away)
    with pytest.raises(DatabaseUnavailable):
        await scene.ledger.fold()
    await scene.begin("order-2")
    monkeypatch.undo()

    assert set(await scene.rows()) == {"order-1", "order-2"}
    assert scene.lines == 0


async def test_a_human_settles_what_nobody_knows(scene: Scene) -> None:
    """Once; and a typing error settles nothing."""
    await scene.begin("order-1")
    await scene.kill()

    settled = [
        await scene.ledger.resolve(key) for key in ("order-x", "order-1", "order-1")
    ]

    assert settled == [False, True, False]
    assert await scene.ledger.unknown() == []


async def test_old_rows_are_tidied_and_unknown_ones_counted(scene: Scene) -> None:
    """A week is kept; what is under way is not touched."""
    told: list[tuple[int, float]] = []
    scene.ledger._on_unknown = lambda *given: told.append(given)
    await scene.begin("old")
    scene.end("old", "answered", status=201)
    await scene.ledger.fold()
    scene.clock.advance(604_801)
    await scene.begin("lost")
    scene.end("lost", "unknown", status=0)
    await scene.begin("new")
    task = asyncio.ensure_future(
        scene.ledger.run(MemoryRecords(on_evicted=lambda: None), lambda _: None)
    )
    async with asyncio.timeout(20):
        while not told:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])

    assert await scene.rows() == {"lost": "unknown", "new": "in_flight"}
    assert told[0][0] == 1


def test_an_intent_shows_no_key() -> None:
    """Callers put all kinds of things into one."""
    assert repr(Intent("cpf-1", PRINT, "/loans", "r", generated=False)) == (
        "Intent(route='/loans')"
    )


async def test_a_fold_that_is_cut_short_is_done_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drain ends its job in the middle; the last fold must not forget anything."""

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    await scene.begin("order-1")
    monkeypatch.setattr(Database, "write", hang)
    task = asyncio.ensure_future(scene.ledger.fold())
    await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.wait([task])
    monkeypatch.undo()

    assert await scene.rows() == {"order-1": "in_flight"}
    assert scene.lines == 0


async def test_a_key_that_was_dropped_begins_anew(scene: Scene) -> None:
    """Nothing was sent under it: the body that was is the one to know again."""
    await scene.begin("k1")
    scene.ledger.forget("k1")
    await scene.ledger.fold()
    await scene.begin("k1", fingerprint=b"\x02" * 32)
    scene.end("k1", "answered", status=201)
    await scene.ledger.fold()

    record = (await scene.kill()).get("k1", now=instant(scene.clock))

    assert record is not None
    assert record.fingerprint == b"\x02" * 32


async def test_a_key_that_comes_again_after_a_week_is_known_as_new(
    scene: Scene,
) -> None:
    """Else its outcome would be forgotten with the old one's."""
    await scene.begin("k1")
    scene.end("k1", "unknown", status=0)
    await scene.ledger.fold()
    scene.clock._now += 8 * 86_400.0
    await scene.begin("k1")
    await scene.ledger.fold()

    assert (await scene.kill()).get("k1", now=instant(scene.clock)) is not None
