"""How full it is: alarms are for what somebody can do something about."""

from pathlib import Path

from gateway.inbox.ports import Settlement
from tests.fakes import FakeClock
from tests.inbox.scene import arrival, opened

MONTH = 2_592_000.0


async def test_names_that_are_gone_raise_no_alarm(tmp_path: Path) -> None:
    """They are counted apart; their events go after a month."""
    clock = FakeClock()
    async with opened(tmp_path / "x.db", clock) as inbox:
        await inbox.store.add(arrival("e1"), ["gone", "a"])
        await inbox.store.add(arrival("e2"), ["gone"])
        (mine,) = await inbox.store.claim("a", most=9, ordered=False)
        await inbox.store.settle(Settlement(mine.seq, "a", "delivered", 1, 0, 200, ""))

        counts = await inbox.desk.counts()
        clock.advance(700_000)
        await inbox.desk.tidy(keep=604_800, now=inbox.clock.unix())
        kept = await inbox.desk.events()
        clock.advance(MONTH)
        await inbox.desk.tidy(keep=604_800, now=inbox.clock.unix())

        assert (counts.pending, counts.oldest, counts.unknown) == (0, None, {"gone": 2})
        assert (kept, await inbox.desk.events()) == (2, 0)


async def test_what_waits_for_a_name_can_be_given_up_or_away(tmp_path: Path) -> None:
    """It was removed, or renamed."""
    async with opened(tmp_path / "x.db") as inbox:
        for number in range(3):
            await inbox.store.add(arrival(f"e{number}"), ["gone", "old"])
        await inbox.store.add(arrival("e9"), ["old", "a"])
        await inbox.store.claim("old", most=1, ordered=False)

        dropped = await inbox.desk.drop("gone")
        moved = await inbox.desk.rename("old", "a")

        counts = await inbox.desk.counts()
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
        disabled = (await inbox.desk.counts()).disabled
        found = await inbox.store.claim("a", most=9, ordered=False)
        inbox.store._targets = {"a": "another"}
        inbox.desk._targets = {"a": "another"}

        assert (disabled, found) == (("a",), [])
        assert (await inbox.desk.counts()).disabled == ()
        assert len(await inbox.store.claim("a", most=9, ordered=False)) == 1
