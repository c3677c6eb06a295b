"""Keeps batch and background work out of the way of other calls. Pure.

Batch work leaves a part of the window to those whom somebody waits for; the part
shrinks with what is left of the window, so that nothing is wasted where nobody comes.
Background work, such as the gateway's own reading of lists, has a fiftieth of the quota
whatever is left, spread over the window.
"""

from typing import Final

from gateway.core.lanes import Lane

_KEPT: Final = 0.3  # of the limit, left to interactive requests
_SHARE: Final = 0.02  # of the limit; in flight at once, and all of background work


def most_in_flight(limit: int) -> float:
    """Return how many batch and background attempts may be in flight at once."""
    return max(1.0, _SHARE * limit)


def background_gap(limit: int, length: float) -> float:
    """Return the span between two background attempts, s; `length` is the window's."""
    return length / max(1.0, _SHARE * limit)


def until_free(lane: Lane, room: float, limit: int, *, part: float) -> float:
    """Return how much of the window has to pass before there is room; 0: there is.

    Args:
        lane: BATCH or BACKGROUND.
        room: Places.
        limit: Of the window.
        part: Of the window that is left, 0 to 1; 1 where the quota slides.

    Returns:
        Part of the window; as much as is left where it will not be before the end.
    """
    kept = _KEPT * limit
    if lane is Lane.BACKGROUND:
        return 0.0 if room > kept else part
    if room > kept * part:
        return 0.0
    return part - max(0.0, room) / kept
