"""Repeats deliveries: by id, by time, or all that failed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.inbox.options import InboxOptions
from gateway.inbox.policy import wanting

STEP: Final = 100  # deliveries of one transaction; others write in between


@dataclass(frozen=True, slots=True)
class Selection:
    """The deliveries to repeat; all conditions hold together."""

    webhook_id: str | None = None
    since: float | None = None  # Unix, s; when the arrival was received
    dead: bool = False  # only those that failed
    subscriber: str | None = None


@dataclass(frozen=True, slots=True)
class ReplayStep:
    """The result of one transaction."""

    examined: int
    count: int  # deliveries that will be repeated
    after: Any  # where the next step begins; None: this was the last


class ReplayStore(Protocol):
    """Repeats deliveries; implemented by `InboxQueries` in storage/inbox/queries.py."""

    async def again(
        self,
        selection: Selection,
        wanting: Callable[[str], Sequence[str]],
        *,
        after: Any,
    ) -> ReplayStep:
        """Make some deliveries due now.

        Args:
            selection: Which.
            wanting: Returns the names of an event type's subscribers.
            after: `ReplayStep.after` of the last step; None: this is the first.
        """


async def replay(
    store: ReplayStore,
    selection: Selection,
    options: InboxOptions,
    *,
    on_progress: Callable[[int], Any],
) -> int:
    """Repeat deliveries; return how many will be made.

    No more than one step of them is in memory, and others write between two steps.

    Args:
        store: Holds the deliveries.
        selection: Which.
        options: The subscribers.
        on_progress: Takes how many were examined so far.

    Raises:
        StoreUnavailable: the store does not respond; what was done stays done.
    """
    count = examined = 0
    after: Any = None
    while True:
        step = await store.again(selection, wanting(options.subscribers), after=after)
        count += step.count
        examined += step.examined
        if step.examined:
            on_progress(examined)
        if step.after is None:
            return count
        after = step.after
