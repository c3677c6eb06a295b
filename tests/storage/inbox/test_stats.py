"""Counts: what an operator cannot act on raises no alarm."""

import sqlite3
from pathlib import Path
from random import Random

from gateway.inbox.ports import Settlement
from gateway.inbox.replay import Selection
from gateway.storage.inbox.stats import Counts, count
from tests.fakes import FakeClock
from tests.inbox.scene import Inbox, arrival, opened

MONTH = 2_592_000.0


async def test_names_that_are_gone_raise_no_alarm(tmp_path: Path) -> None:
    """They are counted apart; their events go after a month."""
    clock = FakeClock()
    async with opened(tmp_path / "x.db", clock) as inbox:
        await inbox.store.add(arrival("e1"), ["gone", "a"])
        await inbox.store.add(arrival("e2"), ["gone"])
        (mine,) = await inbox.store.claim("a", most=9, ordered=False)
        await inbox.store.settle(Settlement(mine.seq, "a", "delivered", 1, 0, 200, ""))

        counts = await inbox.queries.counts()
        clock.advance(700_000)
        await inbox.queries.tidy(keep=604_800, now=inbox.clock.unix())
        kept = await inbox.queries.events()
        clock.advance(MONTH)
        await inbox.queries.tidy(keep=604_800, now=inbox.clock.unix())

        assert (counts.pending, counts.oldest, counts.unknown) == (0, None, {"gone": 2})
        assert (kept, await inbox.queries.events()) == (2, 0)


async def test_what_waits_for_a_name_can_be_given_up_or_away(tmp_path: Path) -> None:
    """It was removed, or renamed."""
    async with opened(tmp_path / "x.db") as inbox:
        for number in range(3):
            await inbox.store.add(arrival(f"e{number}"), ["gone", "old"])
        await inbox.store.add(arrival("e9"), ["old", "a"])
        await inbox.store.claim("old", most=1, ordered=False)

        dropped = await inbox.queries.drop("gone")
        moved = await inbox.queries.rename("old", "a")

        counts = await inbox.queries.counts()
        assert (dropped, moved) == (3, 3)
        assert (counts.unknown, counts.pending) == ({}, 4)
        assert len(await inbox.store.claim("a", most=9, ordered=False)) == 4


async def test_a_410_does_not_hold_for_another_url(tmp_path: Path) -> None:
    """It is another service by now."""
    path = tmp_path / "x.db"
    async with opened(path) as inbox:
        await inbox.store.add(arrival("e1"), ["a"])
        (one,) = await inbox.store.claim("a", most=9, ordered=False)
        await inbox.store.settle(Settlement(one.seq, "a", "disabled", 1, 0, 410, ""))
        disabled = (await inbox.queries.counts()).disabled
        found = await inbox.store.claim("a", most=9, ordered=False)
        inbox.store._targets = {"a": "another"}
        inbox.queries._targets = {"a": "another"}

        assert (disabled, found) == (("a",), [])
        assert (await inbox.queries.counts()).disabled == ()
        assert len(await inbox.store.claim("a", most=9, ordered=False)) == 1


async def real(inbox: Inbox) -> dict[tuple[str, str, str], int]:
    """Return the numbers as a look at every delivery finds them."""
    query = (
        "SELECT events.environment, subscriber, state, count(*) FROM deliveries "
        "JOIN events USING (seq) WHERE state <> 'delivered' GROUP BY 1, 2, 3"
    )
    found = await inbox.database.read(lambda one: one.execute(query).fetchall())
    return {(env, name, state): number for env, name, state, number in found}


async def kept(inbox: Inbox) -> dict[tuple[str, str, str], int]:
    """Return the numbers that are kept."""
    query = "SELECT * FROM delivery_counts WHERE number <> 0"
    found = await inbox.database.read(lambda one: one.execute(query).fetchall())
    return {(env, name, state): number for env, name, state, number in found}


async def test_numbers_are_kept_whatever_becomes_of_deliveries(tmp_path: Path) -> None:
    """An alarm that counts wrongly is worse than a slow one."""
    clock, chance = FakeClock(), Random(7)
    async with (
        opened(tmp_path / "x.db", clock) as inbox,
        opened(tmp_path / "x.db", clock, environment="sandbox") as other,
    ):
        for number in range(60):
            who = chance.choice([inbox, inbox, other])
            names = chance.sample(["a", "b", "c"], 2)
            made = arrival(f"e{number}", received=clock.unix())
            await who.store.add(made, names)
            for one in await who.store.claim(names[0], most=2, ordered=False):
                outcome = chance.choice(["delivered", "retry", "dead"])
                done = Settlement(one.seq, names[0], outcome, 1, 5, 500, "")  # type: ignore[arg-type]
                await who.store.settle(done)
            clock.advance(3)
        numbers = [(await kept(inbox), await real(inbox))]
        for again in (Selection(dead=True), Selection(since=clock.unix() - 60)):
            await inbox.queries.again(again, lambda _: ["a", "b"], after=None)
        await inbox.store.reclaim()
        numbers.append((await kept(inbox), await real(inbox)))
        await inbox.queries.rename("c", "a")
        await inbox.queries.drop("b")
        numbers.append((await kept(inbox), await real(inbox)))
        clock.advance(4_000_000)
        await inbox.queries.tidy(keep=604_800, now=clock.unix())
        numbers.append((await kept(inbox), await real(inbox)))

    for found, expected in numbers:
        assert found == expected
    assert len(numbers[0][0]) > 6


async def test_how_full_it_is_costs_the_same_however_full_it_is(
    tmp_path: Path,
) -> None:
    """It is asked every other second, with a million waiting as well."""
    async with opened(tmp_path / "x.db") as inbox:
        await inbox.store.add(arrival("e1"), ["a", "gone"])
        await inbox.database.write(lambda one: many(one, 20_000, ["a", "gone"]))

        counts, steps = await inbox.database.read(
            lambda one: counted_steps(one, {"a": ""})
        )

    assert (counts.pending, counts.unknown) == (20_001, {"gone": 20_001})
    assert counts.oldest == 1_790_000_000.0
    assert steps < 5


def many(connection: sqlite3.Connection, number: int, names: list[str]) -> None:
    """Copy the first event so often."""
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
        "INSERT INTO events SELECT NULL, environment, endpoint, 'copy' || i, "
        "event_type, entity, status, received + i, digest, body, content_type, "
        "content_encoding, timestamp, signature, synthetic FROM events, n "
        "WHERE webhook_id = 'e1'",
        (number,),
    )
    for name in names:
        connection.execute(
            "INSERT INTO deliveries (seq, subscriber, state, due, entity) "
            "SELECT seq, ?, 'pending', received, entity FROM events "
            "WHERE webhook_id <> 'e1'",
            (name,),
        )


def counted_steps(
    connection: sqlite3.Connection, targets: dict[str, str]
) -> tuple[Counts, int]:
    """Count, and return how many thousand instructions that took."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(step, 1000)
    try:
        return count(connection, targets, "local"), steps
    finally:
        connection.set_progress_handler(None, 0)
