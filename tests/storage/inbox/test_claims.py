"""Claims: the right deliveries are leased, however many wait."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.inbox.ports import Settlement
from gateway.inbox.replay import Selection
from gateway.storage.inbox import claims
from tests.inbox.scene import Inbox, arrival, opened


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    async with opened(tmp_path / "gateway.db") as inbox:
        yield inbox


async def fill(inbox: Inbox, number: int) -> None:
    """Have so many deliveries wait for `a`, the first of them tried already."""
    for index in range(number):
        await inbox.store.add(arrival(f"e{index}", entity=f"cust_{index}"), ["a"])


def steps_of(
    connection: sqlite3.Connection, asked: dict[str, object], *, fresh: bool
) -> tuple[list[int], int]:
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(step, 1000)
    try:
        found = claims.due(connection, asked, ordered=False, fresh=fresh)
    finally:
        connection.set_progress_handler(None, 0)
    return found, steps


def copied(connection: sqlite3.Connection) -> None:
    """Copy the only event and its delivery twenty thousand times."""
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        "WHERE i < 20000) INSERT INTO events SELECT NULL, environment, endpoint, "
        "'copy' || i, event_type, entity, status, received + i, digest, body, "
        "content_type, content_encoding, timestamp, signature, synthetic "
        "FROM events, n"
    )
    connection.execute(
        "INSERT INTO deliveries (seq, environment, subscriber, state, due, entity, "
        "tries) SELECT seq, environment, 'a', 'pending', received - 99999, '', 1 "
        "FROM events WHERE webhook_id LIKE 'copy%'"
    )


@pytest.mark.parametrize("fresh", [False, True])
async def test_a_look_costs_the_same_however_much_waits(
    inbox: Inbox, *, fresh: bool
) -> None:
    """A subscriber that is away with a million waiting is looked after each minute."""
    await inbox.store.add(arrival("e1"), ["a"])
    await inbox.database.write(copied)
    asked: dict[str, object] = {
        "subscriber": "a",
        "target": "",
        "environment": "local",
        "now": inbox.clock.unix() + 1,
        "most": 1,
    }

    found, steps = await inbox.database.read(
        lambda connection: steps_of(connection, asked, fresh=fresh)
    )

    assert steps < 30
    assert found == ([1] if fresh else [2])  # one that was never tried, if there is one


async def test_the_next_moment_is_known(inbox: Inbox) -> None:
    """Until then nobody needs to look."""
    await inbox.database.write(lambda _: None)
    nothing = await inbox.store.next_due("a")
    await fill(inbox, 3)
    for wait in (50.0, 20.0, 90.0):
        (one,) = await inbox.store.claim("a", most=1, ordered=False)
        await inbox.store.settle(Settlement(one.seq, "a", "retry", 1, wait, 500, ""))

    assert nothing is None
    assert await inbox.store.next_due("a") == inbox.clock.unix() + 20.0
    assert await inbox.store.next_due("b") is None


async def test_what_is_out_of_turn_by_now_is_not_leased(inbox: Inbox) -> None:
    """Another gateway took it between the look and the lease."""
    await inbox.store.add(arrival("e1", entity="x"), ["a"])
    await inbox.store.add(arrival("e2", entity="x"), ["a"])
    asked: dict[str, object] = {
        "subscriber": "a",
        "target": "",
        "environment": "local",
        "now": inbox.clock.unix() + 1,
    }

    found = await inbox.database.write(
        lambda connection: claims.still_due(connection, asked, [1, 2])
    )

    assert found == [1]


async def test_a_lease_begins_when_it_is_given(inbox: Inbox) -> None:
    """Not when somebody asked: the disk may have taken its time."""
    await inbox.store.add(arrival("e1"), ["a"])
    slow = asyncio.ensure_future(
        inbox.database.write(lambda _: inbox.clock.advance(2.5))
    )
    claim = asyncio.ensure_future(inbox.store.claim("a", most=1, ordered=False))
    await slow

    (one,) = await claim

    assert one.until == inbox.clock.unix() + 60.0


async def test_one_that_is_replayed_waits_for_a_later_one_that_is_under_way(
    inbox: Inbox,
) -> None:
    """In an ordered lane two of one customer are never at its subscriber at once."""
    for name in ("e1", "e2"):
        await inbox.store.add(arrival(name), ["a"])
    (first,) = await inbox.store.claim("a", most=8, ordered=True)
    done = Settlement(first.seq, "a", "delivered", 1, 0.0, 200, "")
    await inbox.store.settle(done)
    (second,) = await inbox.store.claim("a", most=8, ordered=True)
    selection = Selection(webhook_id="e1")
    await inbox.queries.again(selection, lambda _: ["a"], after=None)

    beside = await inbox.store.claim("a", most=8, ordered=True)
    await inbox.store.settle(replace(done, seq=second.seq))
    after = await inbox.store.claim("a", most=8, ordered=True)

    assert beside == []
    assert [one.seq for one in after] == [first.seq]


async def test_one_that_is_replayed_goes_before_a_later_one_whose_lease_ended(
    inbox: Inbox,
) -> None:
    """What nobody is at any more holds nothing up."""
    for name in ("e1", "e2"):
        await inbox.store.add(arrival(name), ["a"])
    (first,) = await inbox.store.claim("a", most=8, ordered=True)
    done = Settlement(first.seq, "a", "delivered", 1, 0.0, 200, "")
    await inbox.store.settle(done)
    await inbox.store.claim("a", most=8, ordered=True)
    await inbox.queries.again(Selection(webhook_id="e1"), lambda _: ["a"], after=None)
    inbox.clock.advance(61)

    claimed = await inbox.store.claim("a", most=8, ordered=True)

    assert [one.seq for one in claimed] == [first.seq]
