"""clock: the real one, and that the fake is a clock."""

import time

import pytest

from gateway.core.clock import Clock, ConfirmedTime, Instant, SystemClock, instant
from tests.fakes import FakeClock


@pytest.mark.parametrize(
    "clock",
    [pytest.param(SystemClock(), id="real"), pytest.param(FakeClock(), id="fake")],
)
async def test_after_a_sleep_at_least_that_much_time_has_passed(clock: Clock) -> None:
    """Deadlines are computed from `now` and waited for with `sleep`."""
    before = clock.now()

    await clock.sleep(0.01)

    assert clock.now() - before > 0.009


def test_the_wall_clock_is_unix_time() -> None:
    """Dates of Dinie's answers are compared with it."""
    before = time.time()

    assert before <= SystemClock().unix() <= time.time()


async def test_the_fake_notes_what_was_slept() -> None:
    """Tests assert waits instead of waiting."""
    clock = FakeClock(now=5.0, unix=100.0)
    await clock.sleep(2.0)

    clock.advance(1.0)

    assert (clock.now(), clock.unix(), clock.slept) == (8.0, 103.0, [2.0])


@pytest.mark.parametrize(
    ("later", "longest", "shortest"),
    [
        pytest.param(Instant(15.0, 105.0), 5.0, 5.0, id="both-agree"),
        pytest.param(Instant(11.0, 3700.0), 3600.0, 1.0, id="suspended"),
        pytest.param(Instant(15.0, 50.0), 5.0, -50.0, id="set-back"),
    ],
)
def test_a_span_is_told_from_below_and_from_above(
    later: Instant, longest: float, shortest: float
) -> None:
    """What must not be too young asks for the one, what must not be too old the other.

    Neither clock alone knows: one stands still in a suspended machine, one can be set.
    """
    earlier = Instant(10.0, 100.0)

    spans = later.longest_since(earlier), later.shortest_since(earlier)

    assert spans == (longest, shortest)


def test_an_instant_is_read_from_both_clocks() -> None:
    """A suspended machine moves one of them only."""
    clock = FakeClock(now=5.0, unix=100.0)

    clock.suspend(60.0)

    assert instant(clock) == Instant(5.0, 160.0)


HOUR, DAY = 3600.0, 86_400.0


def test_the_wall_clock_is_believed_after_an_hour() -> None:
    """A machine may start with any date, until somebody sets it."""
    clock = FakeClock(now=5.0, unix=1000.0)
    confirmed = ConfirmedTime(clock)

    clock.advance(HOUR - 1)
    before = confirmed.unix()
    clock.advance(1)

    assert (before, confirmed.unix()) == (None, 1000.0 + HOUR)


def test_a_clock_that_jumps_for_a_minute_is_not_believed() -> None:
    """By then dead letters of a month would be deleted."""
    clock = FakeClock(now=5.0, unix=0.0)
    confirmed = ConfirmedTime(clock)
    clock.advance(HOUR)
    confirmed.unix()

    clock.suspend(31 * DAY)
    during = confirmed.unix()
    clock.advance(60)
    later = confirmed.unix()
    clock.suspend(-31 * DAY)

    assert (during, later, confirmed.unix()) == (HOUR, HOUR + 60, HOUR + 60)


def test_a_clock_that_stays_ahead_is_believed_after_an_hour() -> None:
    """A machine that was suspended for a week goes on tidying."""
    clock = FakeClock(now=5.0, unix=0.0)
    confirmed = ConfirmedTime(clock)
    clock.advance(HOUR)
    confirmed.unix()
    clock.suspend(7 * DAY)
    confirmed.unix()

    clock.advance(HOUR)

    assert confirmed.unix() == 2 * HOUR + 7 * DAY


def test_a_clock_that_is_set_back_is_followed_at_once() -> None:
    """Too early deletes less, which can be made up for."""
    clock = FakeClock(now=5.0, unix=30 * DAY)
    confirmed = ConfirmedTime(clock)
    clock.advance(HOUR)
    confirmed.unix()

    clock.suspend(-2 * DAY)

    assert confirmed.unix() == 28 * DAY + HOUR


def test_a_slow_drift_is_no_jump() -> None:
    """NTP moves the clock by fractions: an hour must end some time."""
    clock = FakeClock(now=5.0, unix=0.0)
    confirmed = ConfirmedTime(clock)

    for _ in range(60):
        clock.advance(60)
        clock.suspend(0.03)
        confirmed.unix()

    assert confirmed.unix() == pytest.approx(HOUR, abs=2)
