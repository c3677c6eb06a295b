"""Has deliveries made again: by id, by time, or all that failed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.inbox.options import InboxOptions
from gateway.inbox.roster import wanting

STEP: Final = 500  # deliveries of one transaction: others write in between


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which deliveries are to be made again; all conditions hold together."""

    webhook_id: str | None = None
    since: float | None = None  # Unix, s; when they came
    dead: bool = False  # those that failed
    subscriber: str | None = None


class Desk(Protocol):
    """Where deliveries are looked up; see `storage/desk.py`."""

    async def choose(
        self, chosen: Chosen, wanting: Callable[[str], Sequence[str]]
    ) -> list[tuple[int, str, str]]:
        """Return which deliveries fit: seq, subscriber and entity."""

    async def again(self, deliveries: Sequence[tuple[int, str, str]]) -> int:
        """Have deliveries made again now; return how many will be."""


async def replay(
    desk: Desk,
    chosen: Chosen,
    options: InboxOptions,
    *,
    on_progress: Callable[[int, int], Any],
) -> int:
    """Have deliveries made again; return how many will be.

    Args:
        desk: Where they are.
        chosen: Which.
        options: Whose subscribers they go to.
        on_progress: Takes how many are done, of how many.

    Raises:
        StoreUnavailable: the store does not answer; what was done stays done.
    """
    found = await desk.choose(chosen, wanting(options.subscribers))
    count = 0
    for begin in range(0, len(found), STEP):
        count += await desk.again(found[begin : begin + STEP])
        on_progress(min(begin + STEP, len(found)), len(found))
    return count
