"""How far each customer, offer and loan is, long after its events are gone."""

from pathlib import Path

import pytest

from gateway.storage.inbox.entities import KEPT
from tests.fakes import FakeClock
from tests.inbox.scene import arrival, opened

WEEK = 604_800.0
NOW = 1_790_000_000.0


async def test_a_status_outlives_its_event(tmp_path: Path) -> None:
    """A loan lives for months, an event for a week."""
    clock = FakeClock()
    async with opened(tmp_path / "x.db", clock) as inbox:
        await inbox.store.add(arrival("e", event_type="loan.active", entity="ln_1"), [])
        clock.advance(WEEK + 1)
        await inbox.queries.tidy(keep=WEEK, now=inbox.clock.unix())
        events = await inbox.queries.events()
        kept = await inbox.queries.last_statuses()
        clock.advance(KEPT)
        await inbox.queries.tidy(keep=WEEK, now=inbox.clock.unix())

        assert (events, kept) == (0, {"ln_1": ("loan", "active")})
        assert await inbox.queries.last_statuses() == {}


@pytest.mark.parametrize("second_late", [True, False])
async def test_what_comes_late_does_not_undo_what_came_after_it(
    tmp_path: Path, *, second_late: bool
) -> None:
    """Dinie promises no order."""
    happened = NOW - 60 if second_late else NOW + 60
    async with opened(tmp_path / "x.db") as inbox:
        await inbox.store.add(arrival("e1", status="active", happened=NOW), [])
        late = arrival("e2", status="under_review", happened=happened)
        await inbox.store.add(late, [])

        (_, status) = (await inbox.queries.last_statuses())["cust_1"]

    assert status == ("active" if second_late else "under_review")


async def test_environments_know_nothing_of_each_other(tmp_path: Path) -> None:
    """One file, two environments."""
    async with opened(tmp_path / "x.db") as inbox:
        await inbox.store.add(arrival("e1"), ["a"])
    async with opened(tmp_path / "x.db", environment="sandbox") as other:
        assert await other.queries.last_statuses() == {}
        assert await other.store.claim("a", most=9, ordered=False) == []


async def test_what_says_nothing_of_an_entity_is_not_noted(tmp_path: Path) -> None:
    """There is nothing to compare."""
    async with opened(tmp_path / "x.db") as inbox:
        await inbox.store.add(arrival("e1", entity=""), [])
        await inbox.store.add(arrival("e2", status=""), [])

        assert await inbox.queries.last_statuses() == {}
