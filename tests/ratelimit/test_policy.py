"""Limiter: when an attempt may be sent."""

from itertools import pairwise

import pytest

from gateway.core.lanes import Lane
from gateway.ratelimit.headers import Advertised
from gateway.ratelimit.policy import Limiter
from gateway.ratelimit.window_usage import Permit

HALF = 0.5


def known(remaining: int, limit: int = 100, reserve: float = 0.05) -> Limiter:
    """Return a limiter whose window ends at 60."""
    one = Limiter(reserve, lambda: HALF)
    permit = Permit()
    one.acquire(permit, 0.0)
    one.responded(permit, 0.0, Advertised(limit, remaining, 60.0, 1060.0))
    return one


def admitted(one: Limiter, now: float, lane: Lane = Lane.NORMAL) -> int:
    """Count the attempts that go at once."""
    count = 0
    while one.acquire(Permit(lane), now) == 0.0:
        count += 1
    return count


def test_before_the_first_answer_attempts_go_one_at_a_time() -> None:
    """Nobody knows yet what there is."""
    one = Limiter(0.05, lambda: HALF)

    assert admitted(one, 0.0) == 1


def test_a_first_answer_that_does_not_come_holds_nobody_for_ever() -> None:
    """After 2 s another one asks."""
    one = Limiter(0.05, lambda: HALF)
    one.acquire(Permit(), 0.0)

    assert one.acquire(Permit(), 1.9) > 0
    assert admitted(one, 2.0) == 1


@pytest.mark.parametrize(
    ("remaining", "limit", "lane", "expected"),
    [
        # Above a fifth of the limit they burst; the next one is paced.
        pytest.param(100, 100, Lane.NORMAL, 80, id="burst"),
        pytest.param(100, 100, Lane.PRIORITY, 100, id="priority-takes-all"),
        pytest.param(5, 100, Lane.NORMAL, 0, id="reserve"),
        pytest.param(5, 100, Lane.PRIORITY, 5, id="priority-takes-the-reserve"),
        pytest.param(0, 100, Lane.PRIORITY, 0, id="nothing-left"),
        pytest.param(100, 100, Lane.BATCH, 2, id="batch-a-fiftieth-at-once"),
        pytest.param(29, 100, Lane.BATCH, 0, id="batch-stops-early"),
        pytest.param(100, 100, Lane.BACKGROUND, 1, id="background-one-by-one"),
        pytest.param(30, 100, Lane.BACKGROUND, 0, id="background-stops-early"),
        pytest.param(10, 10, Lane.BATCH, 1, id="batch-one-at-least"),
        pytest.param(1, 1, Lane.NORMAL, 1, id="a-limit-of-one-keeps-nothing-back"),
    ],
)
def test_each_lane_gets_its_share(
    remaining: int, limit: int, lane: Lane, expected: int
) -> None:
    """A loan must not wait for a nightly report."""
    assert admitted(known(remaining, limit), 1.0, lane) == expected


def test_attempts_in_flight_are_counted_against_the_window() -> None:
    """`low` cannot know of them yet."""
    one = known(25, reserve=0.0)

    assert admitted(one, 1.0) == 5
    assert one.usage.lowest_remaining == 25


def test_below_a_fifth_attempts_are_spread_to_the_reset() -> None:
    """The last ones are not gone in the window's first second."""
    one, now, moments = known(4, limit=20, reserve=0.0), 1.0, []

    while now < 60.0:
        permit = Permit()
        wait = one.acquire(permit, now)
        if wait == 0.0:
            moments.append(now)
        now += max(wait, 0.0)

    assert len(moments) == 4
    gaps = [later - early for early, later in pairwise(moments)]
    assert all(10.0 < gap < 13.0 for gap in gaps)


def test_a_spent_window_waits_for_its_reset_and_a_random_moment() -> None:
    """Replicas must not all knock at the reset."""
    one = known(0)

    assert one.acquire(Permit(), 50.0) == pytest.approx(10.25)
    assert one.acquire(Permit(), 60.1) == pytest.approx(0.15)


def test_who_asks_for_little_is_the_first_of_a_window_at_once() -> None:
    """The random moment keeps floods of replicas apart; calm ones come by chance."""
    one = known(40, reserve=0.0)
    opening = Permit()
    one.acquire(opening, 60.3)
    one.responded(opening, 60.4, Advertised(100, 0, 120.0, 1120.0))
    for caller, count in (("calm", 5), ("flood", 500)):
        for _ in range(count):
            one.shares.arrived(caller)
            one.shares.gave_up(caller)

    flood = one.acquire(Permit(caller="flood"), 120.1)
    report = one.acquire(Permit(Lane.BATCH, caller="calm"), 120.1)
    early = one.acquire(Permit(caller="calm"), 119.9)
    calm = one.acquire(Permit(caller="calm"), 120.1)

    assert flood == pytest.approx(0.15)
    assert report == pytest.approx(0.15)
    assert early > 0.0
    assert calm == 0.0
    assert one.acquire(Permit(caller="calm"), 120.1) > 0.0  # one probe at a time


def test_at_the_reset_one_probe_goes_and_its_answer_opens() -> None:
    """Clocks differ, and a reset need not restore everything."""
    one = known(0)
    probe = Permit()

    first = one.acquire(probe, 60.3)
    others = admitted(one, 60.3)
    one.responded(probe, 60.5, Advertised(100, 99, 119.5, 1120.0))

    assert (first, others) == (0.0, 0)
    assert admitted(one, 60.5) == 79


def test_without_the_probes_answer_a_new_window_is_assumed_after_two_seconds() -> None:
    """A lost probe must not stop the traffic."""
    one = known(0)
    one.acquire(Permit(), 60.3)

    assert one.acquire(Permit(), 62.2) > 0
    assert admitted(one, 62.3) == 79  # the probe may yet be counted


def test_a_probe_that_never_left_is_replaced() -> None:
    """A refused connect says nothing about the window."""
    one = known(0)
    probe = Permit()
    one.acquire(probe, 60.3)

    one.not_sent(probe)

    assert admitted(one, 60.4) == 1


def test_plenty_that_was_left_needs_no_probe() -> None:
    """Light traffic is not held at each reset."""
    one = known(90)

    assert admitted(one, 61.0) == 71  # the last of them is the probe


def test_an_attempt_without_an_answer_keeps_its_place() -> None:
    """It may have been counted."""
    one = known(50, reserve=0.0)
    permit = Permit()
    one.acquire(permit, 1.0)

    one.lost(permit, 5.0)

    assert one.usage.in_flight == 0
    assert admitted(one, 6.0) == 29


@pytest.mark.parametrize(
    ("remaining", "now", "ahead", "wait", "expected"),
    [
        pytest.param(0, 50.0, 3, 10.25, 10.25, id="next-window"),
        pytest.param(0, 50.0, 95, 10.25, 70.25, id="the-one-after"),
        pytest.param(8, 50.0, 1, 2.0, 4.4, id="paced"),
        pytest.param(8, 50.0, 50, 2.0, 10.25, id="behind-the-paced"),
        pytest.param(0, 61.0, 2, 0.2, 0.2, id="probing"),
    ],
)
def test_the_slot_behind_others_is_predicted(
    remaining: int, now: float, ahead: int, wait: float, expected: float
) -> None:
    """A Retry-After that is too short is refused again."""
    one = known(remaining)

    slot = one.predict(Permit(), now, ahead, wait)

    assert slot == pytest.approx(expected, abs=0.05)


def test_a_sliding_quota_is_paced_at_limit_per_window() -> None:
    """No reset comes to spread the rest to."""
    one = known(19, reserve=0.0)
    for now in range(1, 8):
        permit = Permit()
        permit.serial = one.usage.serial
        one.usage.take(permit, now)
        one.responded(permit, now, Advertised(100, 19, now + 60.0, 1060.0 + now))

    one.acquire(Permit(), 8.0)

    assert one.acquire(Permit(), 8.0) == pytest.approx(0.6)


def test_a_spent_sliding_quota_waits_for_the_first_place_to_return() -> None:
    """One length after the oldest answer, not after the newest."""
    one = known(10, reserve=0.0)
    for now in range(1, 8):
        permit = Permit()
        one.usage.take(permit, now)
        one.responded(permit, now, Advertised(100, 0, now + 60.0, 1060.0 + now))

    wait = one.acquire(Permit(), 8.0)

    assert 52.0 <= wait <= 58.0


def test_without_a_known_limit_batch_work_goes_too() -> None:
    """A fiftieth of nothing would be nothing."""
    one = Limiter(0.05, lambda: HALF)
    permit = Permit()
    one.acquire(permit, 0.0)
    one.responded(permit, 0.1, None)

    waits = [one.acquire(Permit(Lane.BATCH), 0.2) for _ in range(20)]

    assert waits == [0.0] * 20


def test_a_queue_that_the_burst_can_serve_is_not_paced() -> None:
    """The slot of everybody in it is the first one's."""
    assert known(90).predict(Permit(), 10.0, 20, 1.5) == 1.5
