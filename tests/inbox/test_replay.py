"""Replay: in steps, so that others write in between."""

from collections.abc import Callable, Sequence
from typing import Any

from gateway.inbox.options import InboxOptions, SubscriberOptions
from gateway.inbox.replay import ReplayStep, Selection, replay

OPTIONS = InboxOptions(
    subscribers=(
        SubscriberOptions(name="all", url="http://x", events=("*",)),
        SubscriberOptions(name="loans", url="http://x", events=("loan.*",)),
    )
)


class Steps:
    """Gives steps, one after another."""

    def __init__(self, *steps: ReplayStep) -> None:
        self.steps = list(steps)
        self.after: list[Any] = []

    async def again(
        self,
        selection: Selection,
        wanting: Callable[[str], Sequence[str]],
        *,
        after: Any,
    ) -> ReplayStep:
        assert selection.dead
        assert wanting("loan.active") == ["all", "loans"]
        self.after.append(after)
        return self.steps.pop(0)


async def test_long_work_goes_in_steps_and_tells_how_far_it_is() -> None:
    """Dinie's deliveries come in meanwhile."""
    store, told = (
        Steps(ReplayStep(9, 7, "x"), ReplayStep(9, 9, "y"), ReplayStep(1, 1, None)),
        list[int](),
    )

    count = await replay(store, Selection(dead=True), OPTIONS, on_progress=told.append)

    assert (count, store.after) == (17, [None, "x", "y"])
    assert told == [9, 18, 19]


async def test_nothing_chosen_is_nothing_done() -> None:
    """And no progress of nothing."""
    told = list[int]()
    store = Steps(ReplayStep(0, 0, None))

    count = await replay(store, Selection(dead=True), OPTIONS, on_progress=told.append)

    assert (count, told) == (0, [])
