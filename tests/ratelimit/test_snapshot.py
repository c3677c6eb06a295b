"""What is known of the quota, for people."""

from gateway.ratelimit.headers import Advertised
from gateway.ratelimit.ledger import Permit
from gateway.ratelimit.policy import Limiter
from gateway.ratelimit.snapshot import Snapshot, snapshot


def test_what_nobody_told_is_unknown_and_not_made_up() -> None:
    """And afterwards it is what the answer said."""
    limiter = Limiter(0.0, lambda: 0.5)
    first, second = Permit(), Permit()
    limiter.acquire(first, 0.0)
    before = snapshot(limiter, 3)
    limiter.answered(first, 0.1, Advertised(100, 40, 60.0, 1_790_000_000.0))
    limiter.acquire(second, 0.2)

    assert before == Snapshot(None, None, None, 1, 0.0, 3)
    assert snapshot(limiter, 0) == Snapshot(100, 40, 1_790_000_000.0, 1, 0.0, 0)
