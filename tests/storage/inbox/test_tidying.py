"""Tidying: in steps that cost the same however much must stay."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.inbox.maintenance import Tidied
from tests.inbox.scene import Inbox, arrival, opened

DAY = 86_400.0


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    async with opened(tmp_path / "x.db") as inbox:
        yield inbox


async def steps(inbox: Inbox) -> list[Tidied]:
    """Tidy to the end."""
    done = [await inbox.queries.tidy(keep=DAY, now=inbox.clock.unix())]
    while not done[-1].finished:
        done.append(await inbox.queries.tidy(keep=DAY, now=inbox.clock.unix()))
    return done


async def test_no_step_removes_much_and_all_of_them_everything(inbox: Inbox) -> None:
    """What Dinie sends meanwhile waits for one step at most."""
    for number in range(450):
        await inbox.store.add(arrival(f"e{number}", body=b"x" * 4000), [])
    inbox.clock.advance(DAY + 1)

    done = await steps(inbox)

    assert [one.removed for one in done][:3] == [200, 200, 50]
    assert await inbox.queries.events() == 0
    assert max(one.freed for one in done) <= 500
    (free,) = await inbox.database.read(
        lambda one: one.execute("PRAGMA freelist_count").fetchone()
    )
    assert free == 0


async def test_what_must_stay_is_looked_at_once_and_not_in_each_step(
    inbox: Inbox,
) -> None:
    """A million that wait for one that is away must not be read every minute."""
    at = inbox.clock.unix()
    for number in range(2500):
        names = ["slow"] if number < 2400 else []
        await inbox.store.add(arrival(f"e{number}", received=at + number / 1000), names)
    inbox.clock.advance(DAY + 9)

    done = await steps(inbox)

    assert [one.removed for one in done][:3] == [0, 0, 100]
    assert len(done) <= 5
    assert await inbox.queries.events() == 2400
