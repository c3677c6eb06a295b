"""The whole policy against a server with a quota: no refusals, nothing wasted."""

import pytest

from gateway.core.lanes import Lane
from gateway.ratelimit.headers import Advertised
from gateway.ratelimit.policy import Limiter
from gateway.ratelimit.window_usage import Permit
from tests.ratelimit.simulation import (
    EPOCH,
    FixedServer,
    LastHeader,
    Run,
    SlidingServer,
    learned,
)

SEEDS = range(5)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("latency", [0.02, 0.5], ids=["fast", "slow"])
@pytest.mark.parametrize(
    ("limit", "demand"),
    [pytest.param(20, 13, id="20"), pytest.param(100, 13, id="100")],
)
def test_own_traffic_is_never_refused_and_uses_the_quota(
    limit: int, demand: float, latency: float, seed: int
) -> None:
    """Answers overtake each other and demand is 13 times the quota."""
    server = FixedServer(limit, 10.0)

    run = Run(learned(seed), server, seed, demand=demand, latency=latency).play()

    assert run.rejected == 0
    assert run.use >= 0.98


@pytest.mark.parametrize("latency", [0.02, 0.5], ids=["fast", "slow"])
def test_a_large_quota_is_neither_overrun_nor_wasted(latency: float) -> None:
    """Hundreds are in flight at a reset."""
    server = FixedServer(1000, 10.0)

    run = Run(learned(1), server, 1, demand=2, latency=latency, windows=21).play()

    assert run.rejected == 0
    assert run.use >= 0.98


@pytest.mark.parametrize("seed", SEEDS)
def test_trusting_the_last_header_is_refused_thousands_of_times(seed: int) -> None:
    """Why all this: the same run, with what one would write first."""
    server = FixedServer(100, 10.0)

    run = Run(LastHeader(), server, seed, demand=13, latency=0.2).play()

    assert run.rejected > 2000


@pytest.mark.parametrize("seed", SEEDS)
def test_others_on_the_same_quota_cost_few_refusals(seed: int) -> None:
    """A fifth of the quota goes to somebody who bypasses the gateway."""
    sender = learned(seed)
    server = FixedServer(100, 10.0)

    run = Run(sender, server, seed, demand=13, latency=0.2, foreign=0.2).play()

    assert run.rejected <= 25
    assert run.use >= 0.75
    assert sender.foreign_share > 0.05


@pytest.mark.parametrize("seed", SEEDS)
def test_lost_answers_cause_no_refusals(seed: int) -> None:
    """Their attempts may have been counted: ghosts keep the places."""
    server = FixedServer(100, 10.0)

    run = Run(learned(seed), server, seed, demand=13, latency=0.2, loss=0.02).play()

    assert run.rejected == 0
    assert run.use >= 0.95


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("length", [10.0, 60.0])
def test_sliding_quotas_are_not_overrun(length: float, seed: int) -> None:
    """Places come back one by one, and no reset ever arrives."""
    server = SlidingServer(100, length)

    run = Run(learned(seed), server, seed, demand=5, latency=0.2).play()

    assert run.rejected == 0
    assert run.use >= 0.85


def test_a_reserve_is_left_over_for_priority_routes() -> None:
    """Nobody asked for it here; it is let go in the last second of a window."""
    server = FixedServer(100, 10.0)

    run = Run(Limiter(0.05, lambda: 0.5), server, 1, demand=13, latency=0.2).play()

    assert run.rejected == 0
    assert 0.93 <= run.use <= 0.98


def test_a_reserve_is_there_until_the_end_of_the_window() -> None:
    """A loan that comes late finds a place; others do not."""
    limiter = Limiter(0.05, lambda: 0.5)
    first = Permit()
    limiter.acquire(first, 0.0)
    limiter.responded(first, 0.1, Advertised(100, 5, 60.0, EPOCH))

    refused = limiter.acquire(Permit(), 50.0)
    loans = [limiter.acquire(Permit(Lane.PRIORITY), 50.0) for _ in range(6)]

    assert refused > 0
    assert loans[:5] == [0.0] * 5
    assert loans[5] > 0


def test_a_reserve_that_nobody_asked_for_is_let_go_at_the_end() -> None:
    """Who comes for one then has a new window at once."""
    limiter = Limiter(0.05, lambda: 0.5)
    first = Permit()
    limiter.acquire(first, 0.0)
    limiter.responded(first, 0.1, Advertised(100, 5, 60.0, EPOCH))

    waits = [limiter.acquire(Permit(), moment) for moment in (58.0, 59.0, 59.9)]

    assert waits[0] > 0
    assert waits[2] == 0.0
