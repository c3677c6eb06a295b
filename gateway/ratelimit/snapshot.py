"""The quota as learned, for metrics and the status page."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.ratelimit.policy import Limiter


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The quota as learned, for metrics and the status page."""

    limit: int | None  # requests per window; None while none is known
    remaining: (
        int | None
    )  # requests; the lowest that this window's responses advertised
    reset_unix: float | None  # s since 1970, on the server's clock
    in_flight: int
    foreign_share: float  # of the limit, used by others in this window, at least
    waiting: int


def snapshot(limiter: Limiter, known: Sequence[Limiter], waiting: int) -> Snapshot:
    """Return the quota as it stands.

    Args:
        limiter: The one that is the tightest of all in use.
        known: All of them.
        waiting: How many attempts wait.
    """
    window = limiter.window
    in_flight = sum(one.ledger.in_flight for one in known)
    if window is None:
        return Snapshot(None, None, None, in_flight, 0.0, waiting)
    return Snapshot(
        limiter.limit,
        max(0, int(limiter.ledger.lowest_remaining)),
        window.name,
        in_flight,
        max(one.foreign_share for one in known),
        waiting,
    )
