"""Replay: in steps, so that others write in between."""

from collections.abc import Callable, Sequence

from gateway.inbox.options import InboxOptions, SubscriberOptions
from gateway.inbox.replay import STEP, Chosen, replay

OPTIONS = InboxOptions(
    subscribers=(
        SubscriberOptions(name="all", url="http://x", events=("*",)),
        SubscriberOptions(name="loans", url="http://x", events=("loan.*",)),
    )
)


class Desk:
    def __init__(self, count: int) -> None:
        self.count = count
        self.steps: list[int] = []

    async def choose(
        self, chosen: Chosen, wanting: Callable[[str], Sequence[str]]
    ) -> list[tuple[int, str, str]]:
        assert chosen.dead
        assert wanting("loan.active") == ["all", "loans"]
        return [(number, "all", "") for number in range(self.count)]

    async def again(self, deliveries: Sequence[tuple[int, str, str]]) -> int:
        self.steps.append(len(deliveries))
        return len(deliveries)


async def test_long_work_goes_in_steps_and_tells_how_far_it_is() -> None:
    """Dinie's deliveries come in meanwhile."""
    desk, told = Desk(2 * STEP + 1), list[tuple[int, int]]()

    count = await replay(
        desk,
        Chosen(dead=True),
        OPTIONS,
        on_progress=lambda done, of: told.append((done, of)),
    )

    of = 2 * STEP + 1
    assert (count, desk.steps) == (of, [STEP, STEP, 1])
    assert told == [(STEP, of), (2 * STEP, of), (of, of)]


async def test_nothing_chosen_is_nothing_done() -> None:
    """And no progress of nothing."""
    desk = Desk(0)

    assert await replay(desk, Chosen(dead=True), OPTIONS, on_progress=print) == 0
    assert desk.steps == []
