"""clock: the real one, and that the fake is a clock."""

import time

import pytest

from gateway.clock import Clock, SystemClock
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
