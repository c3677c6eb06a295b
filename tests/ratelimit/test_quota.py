"""Quota: what an answer changes."""

import pytest

from gateway.ratelimit.headers import Advertised
from gateway.ratelimit.policy import Limiter
from gateway.ratelimit.window_usage import Permit

HALF = 0.5


def limiter() -> Limiter:
    return Limiter(0.05, lambda: HALF)


def taken(one: Limiter, now: float) -> Permit:
    permit = Permit()
    one.usage.take(permit, now)
    return permit


def seen(remaining: int, name: float, left: float, now: float) -> Advertised:
    return Advertised(100, remaining, now + left, name)


def opened(remaining: int = 50) -> Limiter:
    """Return a limiter in window 1060, which ends at 60."""
    one = limiter()
    one.responded(taken(one, 0.0), 0.0, seen(remaining, 1060.0, 60.0, 0.0))
    return one


def test_the_first_answer_opens_a_window() -> None:
    """What was used before it is nobody's."""
    one = opened(50)

    assert (one.limit, one.usage.lowest_remaining, one.foreign_share) == (100, 50, 0.0)


def test_an_answer_from_an_older_window_only_ends_its_attempt() -> None:
    """It would close a fresh window for nothing."""
    one = opened()
    late = taken(one, 59.0)
    one.responded(taken(one, 61.0), 61.2, seen(99, 1120.0, 58.8, 61.2))

    one.responded(late, 61.5, seen(0, 1060.0, 0.0, 61.5), status=429, wait=30.0)

    assert (one.usage.lowest_remaining, one.usage.in_flight) == (99, 0)
    assert one.acquire(Permit(), 61.6) == 0.0


def test_a_newer_window_replaces_what_was_left() -> None:
    """The quota is back."""
    one = opened(0)

    one.responded(taken(one, 60.5), 60.7, seen(99, 1120.0, 59.0, 60.7))

    assert one.usage.lowest_remaining == 99


def test_the_server_corrects_a_window_that_was_a_mistake() -> None:
    """One absurd reset must not deafen us for an hour."""
    one = opened()
    one.responded(taken(one, 1.0), 1.1, seen(0, 4600.0, 3598.9, 1.1))

    one.responded(taken(one, 2.0), 2.1, seen(48, 1060.0, 57.9, 2.1))

    assert one.usage.lowest_remaining == 48
    assert one.window is not None
    assert one.window.resets_at == pytest.approx(60.0)


def test_others_show_up_in_the_share() -> None:
    """Over a fifth, an operator is warned that somebody bypasses the gateway."""
    one = opened(99)

    one.responded(taken(one, 1.0), 1.1, seen(68, 1060.0, 58.9, 1.1))

    assert one.foreign_share == pytest.approx(0.30)


def test_an_upstream_without_headers_has_no_limit() -> None:
    """Nothing to learn, nothing to hold."""
    one = limiter()

    one.responded(taken(one, 0.0), 0.1, None)

    assert [one.acquire(Permit(), 0.2) for _ in range(50)] == [0.0] * 50


def test_an_error_page_does_not_mean_that_there_are_no_headers() -> None:
    """A proxy in front of a broken upstream knows nothing of quotas."""
    one = limiter()

    for moment in (0.0, 1.0):
        one.responded(taken(one, moment), moment, None, status=502)
    single = (one.acquire(Permit(), 2.0), one.acquire(Permit(), 2.0) > 0)
    one.responded(taken(one, 3.0), 3.0, None, status=502)

    assert single == (0.0, True)
    assert [one.acquire(Permit(), 4.0) for _ in range(9)] == [0.0] * 9


def test_an_answer_without_headers_still_costs_its_place() -> None:
    """It was counted, whether it says so or not."""
    one = opened(50)

    one.responded(taken(one, 1.0), 1.1, None)

    assert one.usage.uncounted == 1


def test_headers_that_stay_away_for_a_whole_window_are_gone() -> None:
    """A limit that nobody advertises any more is no limit."""
    one = opened(0)
    probe = Permit()
    one.acquire(probe, 61.0)
    one.responded(probe, 61.1, None)
    for _ in range(85):
        one.responded(taken(one, 62.0), 62.1, None)
    assumed = one.limit

    probe = Permit()
    one.acquire(probe, 122.0)
    one.responded(probe, 122.1, None)

    assert (assumed, one.window, one.limit) == (100, None, 0)
    assert [one.acquire(Permit(), 123.0) for _ in range(500)] == [0.0] * 500


def test_a_probe_that_finds_the_old_window_waits_a_little_longer() -> None:
    """The reset was rounded down; the next probe must not be refused as well."""
    one = opened(0)
    probe = Permit()
    one.acquire(probe, 60.3)

    one.responded(probe, 60.4, seen(0, 1060.0, 0.0, 60.4), status=429)

    assert one.window is not None
    assert one.window.slack == 0.5
    assert one.acquire(Permit(), 60.5) > 0


@pytest.mark.parametrize(
    ("remaining", "left", "wait", "expected"),
    [
        pytest.param(0, 20.0, 30.0, 30.0, id="retry-after-is-later"),
        pytest.param(0, 50.0, 30.0, 50.0, id="reset-is-later"),
        pytest.param(0, 50.0, None, 50.0, id="reset-alone"),
        pytest.param(40, 50.0, 3.0, 3.0, id="another-limit-refused"),
        pytest.param(40, 50.0, None, 1.0, id="another-limit-that-says-nothing"),
        pytest.param(5, 50.0, None, 50.0, id="a-count-that-lags"),
        pytest.param(0, 0.0, None, 1.0, id="neither"),
    ],
)
def test_a_429_closes_until_the_later_of_its_demands(
    remaining: int, left: float, wait: float | None, expected: float
) -> None:
    """Asking again before that is refused for certain."""
    one = opened(50)
    name = 1000.0 + 10.0 + left

    answer = seen(remaining, name, left, 10.0)
    one.responded(taken(one, 9.9), 10.0, answer, status=429, wait=wait)

    assert one.acquire(Permit(), 10.0) == pytest.approx(expected)


def test_a_429_without_any_headers_closes_for_its_retry_after_only() -> None:
    """The window that we know is unhurt; one attempt looks, then all may go."""
    one = opened(90)
    one.responded(taken(one, 1.0), 1.1, None, status=429, wait=1.0)

    closed = one.acquire(Permit(), 1.1)
    probe = Permit()
    first, second = one.acquire(probe, 2.4), one.acquire(Permit(), 2.4)
    one.responded(probe, 2.5, seen(88, 1060.0, 57.5, 2.5))

    assert closed == pytest.approx(1.0)
    assert first == 0.0
    assert second > 0
    assert one.acquire(Permit(), 2.5) == 0.0


def test_a_retry_after_on_another_status_closes_nothing() -> None:
    """On a 503 it binds that request only."""
    one = opened(50)

    one.responded(taken(one, 1.0), 1.1, None, status=503, wait=30.0)

    assert one.acquire(Permit(), 1.2) == 0.0


def test_a_429_before_any_header_goes_back_to_one_at_a_time() -> None:
    """There is a limit after all."""
    one = limiter()
    one.responded(taken(one, 0.0), 0.0, None)

    one.responded(taken(one, 1.0), 1.0, None, status=429, wait=5.0)

    assert one.acquire(Permit(), 1.0) == pytest.approx(5.0)
    assert one.acquire(Permit(), 6.1) == 0.0
    assert one.acquire(Permit(), 6.1) > 0


def test_an_unexplained_429_before_any_header_brakes_by_what_was_in_flight() -> None:
    """Little's law: attempts in flight over the round trip are the pace."""
    one = limiter()
    one.responded(taken(one, 0.0), 0.2, None)
    late = [taken(one, 1.0) for _ in range(3)]

    one.responded(taken(one, 1.0), 1.2, None, status=429)

    assert one.acquire(Permit(), 1.2) == pytest.approx(1.0)
    for permit in late:
        one.responded(permit, 1.3, None)
    assert one.acquire(Permit(), 2.3) == 0.0
    assert one.acquire(Permit(), 2.3) == pytest.approx(0.1, abs=0.02)


def test_an_attempt_of_another_quota_ends_where_no_window_is_known() -> None:
    """There is nothing that it could have been counted in."""
    one = limiter()
    permit = taken(one, 0.0)

    one.transfer_out(permit, 1.0)

    assert one.usage.in_flight == 0
