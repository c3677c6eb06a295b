"""Steps of a replay: short, bounded, and together everything once."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from gateway.inbox.options import InboxOptions, SubscriberOptions
from gateway.inbox.ports import Settlement
from gateway.inbox.replay import STEP, Selection, replay
from tests.inbox.scene import Inbox, arrival, opened

OPTIONS = InboxOptions(
    subscribers=tuple(
        SubscriberOptions(name=name, url="http://x", events=("*",))
        for name in ("a", "b")
    )
)


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    async with opened(tmp_path / "x.db", names=("a", "b")) as inbox:
        yield inbox


async def filled(inbox: Inbox, number: int) -> None:
    """Have so many events, three of each moment; half of them have failed."""
    at = inbox.clock.unix()
    for index in range(number):
        made = arrival(f"e{index}", received=at + index // 3)
        await inbox.store.add(made, ["a"])
    await inbox.database.write(
        lambda one: one.execute(
            "UPDATE deliveries SET state = 'dead', settled = 0 WHERE seq % 2"
        )
    )
    inbox.clock.advance(number)


def steps(inbox: Inbox) -> list[int]:
    """Return the list that the size of each step goes to."""
    again, told = inbox.queries.again, list[int]()

    async def counted(
        selection: Selection, wanting: object, *, after: object = None
    ) -> object:
        step = await again(selection, wanting, after=after)  # type: ignore[arg-type]
        told.append(step.count)
        return step

    inbox.queries.again = counted  # type: ignore[method-assign,assignment]
    return told


@pytest.mark.parametrize(
    ("selection", "count"),
    [
        pytest.param(Selection(since=0.0), 2 * (2 * STEP + 1), id="since"),
        pytest.param(Selection(since=0.0, subscriber="b"), 2 * STEP + 1, id="one"),
        pytest.param(Selection(dead=True), STEP + 1, id="dead"),
        pytest.param(Selection(dead=True, subscriber="b"), 0, id="none"),
    ],
)
async def test_everything_is_made_again_once_and_no_step_is_long(
    inbox: Inbox, selection: Selection, count: int
) -> None:
    """A million in one transaction kept Dinie waiting, and in memory was 243 MiB."""
    await filled(inbox, 2 * STEP + 1)
    told = steps(inbox)

    made = await replay(inbox.queries, selection, OPTIONS, on_progress=lambda _: None)

    assert made == sum(told) == count
    assert max(told) <= STEP


async def test_what_comes_meanwhile_is_not_made_again(inbox: Inbox) -> None:
    """It is delivered anyway; a replay has an end."""
    await filled(inbox, STEP)
    first = await inbox.queries.again(Selection(since=0.0), both, after=None)
    await inbox.store.add(arrival("late", received=inbox.clock.unix()), ["a"])
    (late,) = await inbox.store.claim("a", most=1, ordered=False)
    await inbox.store.settle(Settlement(late.seq, "a", "delivered", 1, 0, 200, ""))

    second = await inbox.queries.again(Selection(since=0.0), both, after=first.after)
    third = await inbox.queries.again(Selection(since=0.0), both, after=second.after)

    assert (first.count, second.count) == (STEP, STEP)
    assert (third.count, third.after) == (0, None)


def both(_: str) -> Sequence[str]:
    return ["a", "b"]
