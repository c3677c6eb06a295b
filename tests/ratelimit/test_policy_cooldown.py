"""Limiter: what it does and what it says after a 429, and when it has no room."""

import pytest

from gateway.core.lanes import Lane
from gateway.ratelimit.headers import Advertised
from gateway.ratelimit.policy import Limiter
from gateway.ratelimit.window_usage import Permit
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
    one.responded(permit, 10.0, refused, status=429, wait=wait)

    slot = one.predict(Permit(), 10.0, 20, one.acquire(Permit(), 10.0))

    assert slot == pytest.approx(expected, abs=0.01)


def test_closed_for_long_lets_one_a_minute_look() -> None:
    """A Retry-After of hours may be a mistake."""
    one = known(50)
    permit = Permit()
    one.acquire(permit, 1.0)
    one.responded(permit, 1.0, None, status=429, wait=7200.0)

    waits = [one.acquire(Permit(), now) for now in (1.0, 61.0, 61.0)]

    assert waits == pytest.approx([60.0, 0.0, 60.0])


def test_an_unexplained_429_brakes() -> None:
    """Half the pace, after a second."""
    one = known(100)
    permit = Permit()
    one.acquire(permit, 1.0)
    one.responded(permit, 1.0, None, status=429)
    probe = Permit()
    one.acquire(probe, 2.3)
    one.responded(probe, 2.4, Advertised(100, 97, 60.0, 1060.0))

    assert one.acquire(Permit(), 2.4) == pytest.approx(1.1)  # 100 a minute, halved


def test_after_a_429_a_probe_without_an_answer_does_not_stop_the_window() -> None:
    """The quota that we know of has room; 2 s of care are enough."""
    one = known(90)
    permit = Permit()
    one.acquire(permit, 1.0)
    one.responded(permit, 1.0, None, status=429, wait=1.0)
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

    waits = [one.retry_in(Permit(), now, 0, wait, early=2.0) for wait in told]

    assert waits[-len(expected) :] == pytest.approx(expected, abs=0.1)


def test_other_lanes_are_told_their_own_next_place() -> None:
    """Who reads lists in the background may come long before the window ends."""
    one = known(90)

    report = one.retry_in(Permit(Lane.BATCH), 10.0, 0, 3.0, early=2.0)
    loan = one.retry_in(Permit(Lane.PRIORITY), 10.0, 0, 4.0, early=2.0)

    assert (report, loan) == (3.0, 4.0)


def odd(remaining: int, left: float = 3600.0) -> Limiter:
    """Return a limiter that one response told of a far reset."""
    one = Limiter(0.05, lambda: 0.5)
    permit = Permit()
    one.acquire(permit, 0.0)
    one.responded(permit, 0.0, Advertised(100, remaining, left, 1000.0 + left))
    return one


@pytest.mark.parametrize("remaining", [0, 3, 5, 10])
def test_one_odd_response_closes_for_no_longer_than_a_minute(remaining: int) -> None:
    """A reset a year ahead is a mistake: one attempt a minute finds out."""
    one = odd(remaining)
    wait = one.acquire(Permit(), 1.0)
    look = Permit()
    looked = one.acquire(look, 61.5)

    one.responded(look, 61.6, Advertised(100, 97, 120.0, 1120.0))

    assert 0.0 < wait <= 60.0
    assert looked == 0.0
    assert [one.acquire(Permit(), 62.0) for _ in range(50)] == [0.0] * 50


def test_a_look_that_finds_room_in_the_same_window_is_believed() -> None:
    """The server knows better than what it said before."""
    one = odd(0, left=1800.0)
    one.acquire(Permit(), 1.0)
    look = Permit()
    one.acquire(look, 61.0)

    one.responded(look, 61.1, Advertised(100, 70, 1800.0, 2800.0))

    assert [one.acquire(Permit(), 62.0) for _ in range(40)] == [0.0] * 40


def test_a_spent_window_of_an_hour_is_looked_at_once_a_minute() -> None:
    """By one attempt, whoever else asks; what is left for loans stays theirs."""
    one = odd(0)
    waits = []
    for second in range(1, 300):
        waits += [one.acquire(Permit(), float(second)) for _ in range(3)]

    assert waits.count(0.0) == 4
    assert max(waits) <= 60.0


def test_a_reserve_is_not_spent_on_looking() -> None:
    """Half of it stays for what moves money."""
    one, now = odd(5), 1.0
    for _ in range(30):
        now += 60.0
        permit = Permit()
        if one.acquire(permit, now) == 0.0:
            left = int(one.usage.lowest_remaining) - 1
            one.responded(permit, now, Advertised(100, left, 3600.0, 4600.0))

    assert one.usage.lowest_remaining == 2


def test_a_window_of_minutes_is_not_looked_at() -> None:
    """Each look at a window that is truly spent would be a 429."""
    one = odd(0, left=600.0)

    assert [one.acquire(Permit(), now) > 0 for now in (61.0, 300.0, 599.0)] == [
        True,
        True,
        True,
    ]
