"""Maintenance: opens, counts and tidies the inbox, and follows the clock."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.inbox.maintenance import Maintenance
from gateway.inbox.ports import Settlement, StoreUnavailable
from tests.fakes import FakeClock
from tests.inbox.scene import Inbox, Observed, arrival, opened

DAY = 86_400.0


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    async with opened(tmp_path / "gateway.db", FakeClock()) as inbox:
        yield inbox


class Scene:
    def __init__(self, inbox: Inbox) -> None:
        self.counts: list[Any] = []
        self.observed = Observed()
        self.upkeep = Maintenance(
            inbox.store,
            inbox.queries,
            keep=7 * DAY,
            room=1,
            clock=inbox.clock,
            on_counts=self.counts.append,
            on_event=self.observed.say,
        )

    @property
    def said(self) -> list[str]:
        return [event for event, _ in self.observed.events]


async def test_a_restart_takes_its_own_leases_back(inbox: Inbox) -> None:
    """At once, and not after a minute; another's are left alone."""
    await inbox.store.add(arrival("evt_1"), ["a"])
    await inbox.store.claim("a", most=5, ordered=False)
    scene = Scene(inbox)

    await scene.upkeep.maintain()

    assert await inbox.states() == {"evt_1 a": "pending"}
    assert scene.observed.events[0] == ("inbox_opened", {"taken_back": 1})
    assert scene.upkeep.trouble is None
    assert scene.counts[0].pending == 1


async def test_what_was_delivered_is_forgotten_after_a_week(inbox: Inbox) -> None:
    """What somebody still waits for is not."""
    for number in (1, 2, 3):
        await inbox.store.add(arrival(f"evt_{number}"), ["a"])
    for seq, outcome in ((1, "delivered"), (2, "dead")):
        done = Settlement(seq, "a", outcome, 1, 0.0, 200, "")  # type: ignore[arg-type]
        await inbox.store.settle(done)
    scene = Scene(inbox)
    inbox.clock.advance(7 * DAY - 10)
    await scene.upkeep.maintain()
    before = len(await inbox.states())
    inbox.clock.advance(61)

    await scene.upkeep.maintain()
    week = await inbox.states()
    inbox.clock.advance(31 * DAY)
    await scene.upkeep.maintain()

    assert before == 3
    assert week == {"evt_2 a": "dead", "evt_3 a": "pending"}
    assert await inbox.states() == {"evt_3 a": "pending"}


@pytest.mark.parametrize("days", [8, 31, 500])
async def test_a_clock_that_jumps_ahead_for_a_minute_forgets_nothing(
    inbox: Inbox, days: int
) -> None:
    """An id that was forgotten is delivered twice; a dead letter cannot be had back."""
    await inbox.store.add(arrival("evt_1"), ["a"])
    await inbox.store.add(arrival("evt_2"), ["a"])
    await inbox.store.settle(Settlement(1, "a", "delivered", 1, 0.0, 200, ""))
    await inbox.store.settle(Settlement(2, "a", "dead", 9, 0.0, 500, ""))
    scene = Scene(inbox)
    inbox.clock.advance(2 * 3600)
    await scene.upkeep.maintain()

    inbox.clock.suspend(days * DAY)
    for _ in range(6):
        inbox.clock.advance(10)
        await scene.upkeep.maintain()
    inbox.clock.suspend(-days * DAY)
    await scene.upkeep.maintain()

    assert await inbox.states() == {"evt_1 a": "delivered", "evt_2 a": "dead"}
    assert (await inbox.store.add(arrival("evt_1"), ["a"])).result == "duplicate"
    assert await inbox.queries.last_statuses() == {"cust_1": ("customer", "active")}


async def test_a_gateway_that_starts_with_a_wrong_clock_deletes_nothing(
    inbox: Inbox,
) -> None:
    """It may be set right in the first minutes; after an hour it is believed."""
    await inbox.store.add(arrival("evt_1"), ["a"])
    await inbox.store.settle(Settlement(1, "a", "delivered", 1, 0.0, 200, ""))
    inbox.clock.suspend(8 * DAY)
    scene = Scene(inbox)

    await scene.upkeep.maintain()
    at_once = await inbox.states()
    inbox.clock.advance(3600)
    await scene.upkeep.maintain()

    assert at_once == {"evt_1 a": "delivered"}
    assert await inbox.states() == {}


async def test_a_clock_that_was_set_back_holds_nothing_up(inbox: Inbox) -> None:
    """What was due in half a minute must not be due in six hours."""
    await inbox.store.add(arrival("evt_1"), ["a"])
    await inbox.store.claim("a", most=1, ordered=False)
    await inbox.store.settle(Settlement(1, "a", "retry", 1, 30.0, 500, ""))
    scene = Scene(inbox)
    await scene.upkeep.maintain()

    inbox.clock.suspend(-6 * 3600)
    await scene.upkeep.maintain()
    inbox.clock.advance(31)

    assert "clock_set_back" in scene.said
    assert len(await inbox.store.claim("a", most=1, ordered=False)) == 1


async def test_a_clock_that_was_set_forward_makes_things_due(inbox: Inbox) -> None:
    """Early is harmless; nothing is lost, and nothing is said."""
    await inbox.store.add(arrival("evt_1"), ["a"])
    scene = Scene(inbox)
    await scene.upkeep.maintain()

    inbox.clock.suspend(6 * 3600)
    await scene.upkeep.maintain()

    assert scene.said == ["inbox_opened"]
    assert len(await inbox.store.claim("a", most=1, ordered=False)) == 1


async def test_a_store_that_is_away_is_said_once_and_asked_again(
    inbox: Inbox,
) -> None:
    """Whoever asks for readiness gets the reason."""
    scene = Scene(inbox)
    begun = scene.upkeep.trouble
    await scene.upkeep.maintain()
    probe = inbox.queries.probe

    async def full(room: int) -> None:
        del room
        raise StoreUnavailable("the disk is full: make room")

    inbox.queries.probe = full  # type: ignore[method-assign]
    await scene.upkeep.maintain()
    await scene.upkeep.maintain()
    trouble = scene.upkeep.trouble
    inbox.queries.probe = probe  # type: ignore[method-assign]
    await scene.upkeep.maintain()

    assert begun is not None
    assert trouble == "the disk is full: make room"
    assert scene.upkeep.trouble is None
    assert scene.said == ["inbox_opened", "inbox_unavailable", "inbox_available"]


async def test_a_disk_that_hangs_is_trouble_too(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deliveries are refused after three seconds: readiness says so."""
    monkeypatch.setattr("gateway.inbox.maintenance._PROBE_TIMEOUT", 0.01)
    scene = Scene(inbox)
    await scene.upkeep.maintain()

    async def hanging(room: int) -> None:
        del room
        await asyncio.Event().wait()

    inbox.queries.probe = hanging  # type: ignore[method-assign]
    await scene.upkeep.maintain()

    assert scene.upkeep.trouble == "the disk did not respond in time"
    assert scene.said == ["inbox_opened", "inbox_unavailable"]


async def test_a_fault_of_ours_does_not_end_it(inbox: Inbox) -> None:
    """It looks again; and readiness tells of it meanwhile."""
    scene = Scene(inbox)

    async def broken() -> Any:
        raise LookupError("a mistake")

    counts, inbox.queries.counts = inbox.queries.counts, broken  # type: ignore[method-assign]
    await scene.upkeep.maintain()
    trouble = scene.upkeep.trouble
    inbox.queries.counts = counts  # type: ignore[method-assign]
    await scene.upkeep.maintain()

    assert trouble == "a fault of the gateway's: LookupError"
    assert scene.upkeep.trouble is None
