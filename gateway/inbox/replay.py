"""Has deliveries made again: by id, by time, or all that failed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.inbox.options import InboxOptions
from gateway.inbox.subscribers import wanting

STEP: Final = 100  # deliveries of one transaction: others write in between


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which deliveries are to be made again; all conditions hold together."""

    webhook_id: str | None = None
    since: float | None = None  # Unix, s; when they came
    dead: bool = False  # those that failed
    subscriber: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What one transaction did."""

    looked_at: int
    count: int  # deliveries that will be made
    after: Any  # where the next one begins; None: this was the last


class Desk(Protocol):
    """Where deliveries are looked up; see `storage/desk.py`."""

    async def again(
        self, chosen: Chosen, wanting: Callable[[str], Sequence[str]], *, after: Any
    ) -> Step:
        """Have some deliveries made again now."""


async def replay(
    desk: Desk,
    chosen: Chosen,
    options: InboxOptions,
    *,
    on_progress: Callable[[int], Any],
) -> int:
    """Have deliveries made again; return how many will be.

    However many they are, no more than a step of them is in memory, and others write
    between two steps.

    Args:
        desk: Where they are.
        chosen: Which.
        options: Whose subscribers they go to.
        on_progress: Takes how many were looked at.

    Raises:
        StoreUnavailable: the store does not answer; what was done stays done.
    """
    count = looked_at = 0
    after: Any = None
    while True:
        step = await desk.again(chosen, wanting(options.subscribers), after=after)
        count += step.count
        looked_at += step.looked_at
        if step.looked_at:
            on_progress(looked_at)
        if step.after is None:
            return count
        after = step.after
