"""Two gateways of different environments share a file: each works on its own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.inbox.options import InboxOptions, SubscriberOptions
from gateway.inbox.ports import Settlement
from gateway.inbox.replay import Selection, replay
from tests.fakes import FakeClock
from tests.inbox.scene import Inbox, arrival, opened

OPTIONS = InboxOptions(
    subscribers=(SubscriberOptions(name="a", url="http://a", events=("*",)),)
)


class Two(NamedTuple):
    """The same file, as the two gateways see it."""

    sandbox: Inbox
    production: Inbox


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    path, clock = tmp_path / "gateway.db", FakeClock()
    async with AsyncExitStack() as stack:
        sandbox, production = [
            await stack.enter_async_context(
                opened(path, clock, owner="host", environment=environment)
            )
            for environment in ("sandbox", "production")
        ]
        await sandbox.store.add(arrival("evt_s"), ["a"])
        await production.store.add(arrival("evt_p"), ["a"])
        yield Two(sandbox, production)


async def settled(inbox: Inbox, outcome: str) -> None:
    (one,) = await inbox.store.claim("a", most=5, ordered=False)
    await inbox.store.settle(
        Settlement(one.seq, "a", outcome, 1, 30.0, 200, "")  # type: ignore[arg-type]
    )


async def test_each_sees_and_claims_what_is_its_own(two: Two) -> None:
    """An id of the other environment is not shown, and not delivered."""
    counts = await two.sandbox.queries.counts()
    claimed = await two.sandbox.store.claim("a", most=5, ordered=True)

    assert await two.sandbox.states() == {"evt_s a": "delivering"}
    assert await two.production.states() == {"evt_p a": "pending"}
    assert await two.sandbox.queries.one("evt_p") is None
    assert await two.sandbox.queries.events() == 1
    assert counts.pending == 1
    assert [one.arrival.webhook_id for one in claimed] == ["evt_s"]


@pytest.mark.parametrize(
    "selection",
    [
        Selection(since=1.0),
        Selection(webhook_id="evt_p"),
        Selection(dead=True),
        Selection(dead=True, since=1.0),
    ],
)
async def test_a_replay_makes_nothing_of_the_other_pending(
    two: Two, selection: Selection
) -> None:
    """Nobody would ever deliver it, and an alarm would go on for ever."""
    await settled(two.production, "dead")

    await replay(two.sandbox.queries, selection, OPTIONS, on_progress=lambda *_: None)

    assert await two.production.states() == {"evt_p a": "dead"}
    assert (await two.sandbox.queries.counts()).pending == 1


async def test_a_subscriber_that_is_gone_is_gone_in_one_environment(two: Two) -> None:
    """The other's subscriber has the same name, and may have the same URL."""
    await settled(two.sandbox, "disabled")

    enabled = await two.production.queries.enable("a")
    there = (await two.sandbox.queries.counts()).disabled
    here = (await two.production.queries.counts()).disabled
    claimed = await two.production.store.claim("a", most=5, ordered=False)

    assert (enabled, there, here, len(claimed)) == (False, ("a",), (), 1)


async def test_acts_of_an_operator_stay_in_their_environment(two: Two) -> None:
    """`drop` and `rename` cannot be undone."""
    dropped = await two.sandbox.queries.drop("a")
    renamed = await two.sandbox.queries.rename("a", "b")

    assert (dropped, renamed) == (1, 0)
    assert await two.production.states() == {"evt_p a": "pending"}


async def test_a_start_takes_back_and_sets_right_its_own(two: Two) -> None:
    """The other is delivering: its lease is not over."""
    await two.production.store.claim("a", most=5, ordered=False)
    two.sandbox.clock.suspend(-3600.0)

    taken = await two.sandbox.store.reclaim()
    moved = await two.sandbox.store.limit_due_times()

    assert (taken, moved) == (0, 1)
    assert await two.production.states() == {"evt_p a": "delivering"}


async def test_each_tidies_by_its_own_settings(two: Two) -> None:
    """What one keeps for a day, the other keeps for a year."""
    await settled(two.production, "delivered")
    later = two.sandbox.clock.unix() + 40 * 86_400.0

    await two.sandbox.queries.tidy(keep=86_400.0, now=later + 400 * 86_400.0)

    assert await two.production.states() == {"evt_p a": "delivered"}
    assert await two.production.queries.last_statuses() == {
        "cust_1": ("customer", "active")
    }
