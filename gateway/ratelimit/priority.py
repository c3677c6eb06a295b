"""Keeps batch and background attempts out of the way of interactive ones. Pure.

Batch attempts leave a part of the window to interactive ones. The part shrinks with the
rest of the window, so that no quota is wasted. Background attempts, such as the
gateway's own reading of lists, have a fiftieth of the quota, spread over the window.
"""

from typing import Final

from gateway.core.lanes import Lane

_INTERACTIVE: Final = 0.3  # of the limit, left to interactive attempts
_SHARE: Final = 0.02  # of the limit; in flight at once, and all of background work


def most_in_flight(limit: int) -> float:
    """Return how many batch and background attempts may be in flight at once."""
    return max(1.0, _SHARE * limit)


def background_gap(limit: int, length: float) -> float:
    """Return the span between two background attempts, s; `length` is the window's."""
    return length / max(1.0, _SHARE * limit)


def until_free(lane: Lane, room: float, limit: int, *, part: float) -> float:
    """Return how much of the window must pass before there is room for an attempt.

    Args:
        lane: BATCH or BACKGROUND.
        room: Requests that are left.
        limit: Of the window.
        part: Of the window that is left, 0 to 1; 1 where the quota slides.

    Returns:
        Part of the window, 0 to 1: 0 where there is room, `part` where there will be
        none before the end.
    """
    interactive = _INTERACTIVE * limit
    if lane is Lane.BACKGROUND:
        return 0.0 if room > interactive else part
    if room > interactive * part:
        return 0.0
    return part - max(0.0, room) / interactive
