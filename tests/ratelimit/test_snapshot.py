"""Snapshot: the quota as learned."""

from gateway.ratelimit.headers import Advertised
from gateway.ratelimit.policy import Limiter
from gateway.ratelimit.snapshot import Snapshot, snapshot
from gateway.ratelimit.window_usage import Permit


def test_what_nobody_told_is_unknown_and_not_made_up() -> None:
    """And afterwards it is what the answer said."""
    limiter = Limiter(0.0, lambda: 0.5)
    first, second = Permit(), Permit()
    limiter.acquire(first, 0.0)
    before = snapshot(limiter, [limiter], 3)
    limiter.responded(first, 0.1, Advertised(100, 40, 60.0, 1_790_000_000.0))
    limiter.acquire(second, 0.2)

    assert before == Snapshot(None, None, None, 1, 0.0, 3)
    assert snapshot(limiter, [limiter], 0) == Snapshot(
        100, 40, 1_790_000_000.0, 1, 0.0, 0
    )


def test_of_several_quotas_the_attempts_of_all_are_counted() -> None:
    """What is in flight is in flight, whatever it draws on."""
    tight, wide = Limiter(0.0, lambda: 0.5), Limiter(0.0, lambda: 0.5)
    for one, limit in ((tight, 10), (wide, 1000)):
        first = Permit()
        one.acquire(first, 0.0)
        one.responded(first, 0.1, Advertised(limit, 5, 60.0, 1_790_000_000.0))
        one.count(Permit(), 0.2)

    seen = snapshot(tight, [tight, wide], 0)

    assert (seen.limit, seen.remaining, seen.in_flight) == (10, 5, 2)
