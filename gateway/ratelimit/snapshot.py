"""Describes the learned quotas for metrics and the status page. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.ratelimit.policy import Limiter


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The tightest quota in use, and the attempts of all quotas."""

    limit: int | None  # requests per window; None while none is known
    # Requests, by the lowest that this window's responses advertised, less lost
    # attempts that count as used; attempts in flight are not taken off.
    remaining: int | None
    reset_unix: float | None  # s since 1970, on the server's clock
    in_flight: int
    foreign_share: float  # the largest part of a limit that others took, at least
    waiting: int


def snapshot(limiter: Limiter, known: Sequence[Limiter], waiting: int) -> Snapshot:
    """Return the quotas as they stand.

    Args:
        limiter: The tightest of those in use.
        known: All of them.
        waiting: Number of attempts that wait for a permit.
    """
    window = limiter.window
    in_flight = sum(one.usage.in_flight for one in known)
    if window is None:
        return Snapshot(None, None, None, in_flight, 0.0, waiting)
    return Snapshot(
        limiter.limit,
        max(0, int(limiter.usage.lowest_remaining)),
        window.reset_unix,
        in_flight,
        max(one.foreign_share for one in known),
        waiting,
    )
