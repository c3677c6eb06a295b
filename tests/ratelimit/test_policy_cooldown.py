"""Limiter: what it does and what it says after a 429, and when it has no room."""

import pytest

from gateway.ratelimit.headers import Advertised
from gateway.ratelimit.ledger import Lane, Permit
from tests.ratelimit.test_policy import known


@pytest.mark.parametrize(
    ("wait", "expected"),
    [
        pytest.param(0.05, 0.05, id="told"),
        pytest.param(None, 1.0 + 20 * 1.2, id="untold-at-half-the-pace"),
        pytest.param(90.0, 90.25, id="past-the-reset"),
    ],
)
def test_behind_a_cooldown_the_window_goes_on(
    wait: float | None, expected: float
) -> None:
    """Whoever stands behind others is not told the window's end for a short 429."""
    one = known(99)
    permit = Permit()
    one.acquire(permit, 10.0)
    refused = Advertised(100, 98, 60.0, 1060.0)
    one.answered(permit, 10.0, refused, status=429, wait=wait)

    slot = one.predict(Permit(), 10.0, 20, one.acquire(Permit(), 10.0))

    assert slot == pytest.approx(expected, abs=0.01)


def test_closed_for_long_lets_one_a_minute_look() -> None:
    """A Retry-After of hours may be a mistake."""
    one = known(50)
    permit = Permit()
    one.acquire(permit, 1.0)
    one.answered(permit, 1.0, None, status=429, wait=7200.0)

    waits = [one.acquire(Permit(), now) for now in (1.0, 61.0, 61.0)]

    assert waits == pytest.approx([60.0, 0.0, 60.0])


def test_an_unexplained_429_brakes() -> None:
    """Half the pace, after a second."""
    one = known(100)
    permit = Permit()
    one.acquire(permit, 1.0)
    one.answered(permit, 1.0, None, status=429)
    probe = Permit()
    one.acquire(probe, 2.3)
    one.answered(probe, 2.4, Advertised(100, 97, 60.0, 1060.0))

    assert one.acquire(Permit(), 2.4) == pytest.approx(1.1)  # 100 a minute, halved


def test_after_a_429_a_probe_without_an_answer_does_not_stop_the_window() -> None:
    """The quota that we know of has room; 2 s of care are enough."""
    one = known(90)
    permit = Permit()
    one.acquire(permit, 1.0)
    one.answered(permit, 1.0, None, status=429, wait=1.0)
    one.acquire(Permit(), 2.3)

    assert one.acquire(Permit(), 4.2) > 0
    assert one.acquire(Permit(), 4.4) == 0.0
    assert one.limit == 100


@pytest.mark.parametrize(
    ("remaining", "now", "told", "expected"),
    [
        pytest.param(0, 50.0, [10.25, 10.25], [8.25, 8.25], id="spent"),
        pytest.param(9, 50.0, [3.0, 3.0, 3.0], [3.0, 5.0, 6.9], id="paced"),
        pytest.param(9, 50.0, [3.0] * 9, [8.25], id="no-place-of-this-window"),
    ],
)
def test_who_is_refused_is_told_the_next_place_that_nobody_else_was_told(
    remaining: int, now: float, told: list[float], expected: list[float]
) -> None:
    """At the latest a little before the next window, to be held until it opens."""
    one = known(remaining)

    waits = [one.come_again(Permit(), now, 0, wait, early=2.0) for wait in told]

    assert waits[-len(expected) :] == pytest.approx(expected, abs=0.1)


def test_other_lanes_are_told_their_own_next_place() -> None:
    """Who reads lists in the background may come long before the window ends."""
    one = known(90)

    report = one.come_again(Permit(Lane.BATCH), 10.0, 0, 3.0, early=2.0)
    loan = one.come_again(Permit(Lane.PRIORITY), 10.0, 0, 4.0, early=2.0)

    assert (report, loan) == (3.0, 4.0)
