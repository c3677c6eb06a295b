"""Timer: one task, and the earliest moment."""

from gateway.ratelimit.timer import Timer
from tests.ratelimit.timeline import Timeline, settle


async def test_the_earliest_moment_counts() -> None:
    """A later one is set again by whoever is called back."""
    clock, heard = Timeline(), list[float]()
    timer = Timer(clock, lambda: heard.append(clock.now() - 1000.0))
    timer.set(1000.0, 1005.0)
    timer.set(1000.0, 1009.0)
    timer.set(1000.0, 1002.0)

    await clock.advance(20.0)

    assert heard == [2.0]


async def test_what_was_cancelled_calls_nobody() -> None:
    """And leaves no task behind."""
    clock, heard = Timeline(), list[float]()
    timer = Timer(clock, lambda: heard.append(clock.now()))
    timer.set(1000.0, 1005.0)
    await settle()

    timer.cancel()
    timer.cancel()
    await clock.advance(20.0)

    assert (heard, clock.sleepers) == ([], 0)


async def test_it_may_be_set_again_by_whom_it_calls() -> None:
    """Somebody still waits."""
    clock, heard = Timeline(), list[float]()

    def ring() -> None:
        heard.append(clock.now() - 1000.0)
        if len(heard) < 3:
            timer.set(clock.now(), clock.now() + 1.0)

    timer = Timer(clock, ring)
    timer.set(1000.0, 1001.0)

    await clock.advance(20.0)

    assert heard == [1.0, 2.0, 3.0]
