"""What is known of the quota, for people."""

from dataclasses import dataclass

from gateway.ratelimit.policy import Limiter


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The quota as learned, for metrics and the status page."""

    limit: int | None  # requests per window; None while none is known
    remaining: int | None  # requests; the least advertised in this window
    reset_unix: float | None  # s since 1970, on the server's clock
    in_flight: int
    foreign_share: float  # of the limit, used by others in this window, at least
    waiting: int


def snapshot(limiter: Limiter, waiting: int) -> Snapshot:
    """Return the quota as it stands."""
    window, in_flight = limiter.window, limiter.ledger.in_flight
    if window is None:
        return Snapshot(None, None, None, in_flight, 0.0, waiting)
    return Snapshot(
        limiter.limit,
        max(0, int(limiter.ledger.low)),
        window.name,
        in_flight,
        limiter.foreign_share,
        waiting,
    )
