"""Sweeper: what is overdue is interrupted, and nothing else."""

import asyncio
import os
import time
from collections.abc import Iterator

import pytest

from gateway.upstream.sweeper import INTERVAL, LATE, Sweeper
from tests.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def sweeper(clock: FakeClock) -> "Sweeper":
    return Sweeper(asyncio.get_running_loop(), clock.now)


@pytest.fixture(autouse=True)
def _closing(sweeper: Sweeper) -> Iterator[None]:
    yield
    sweeper.close()


async def hang(sweeper: Sweeper, until: float) -> None:
    with sweeper.watch(until):
        await asyncio.Event().wait()


async def test_what_is_overdue_ends_in_a_time_out(
    sweeper: Sweeper, clock: FakeClock
) -> None:
    """A silent upstream must not hold a caller for ever."""
    task = asyncio.create_task(hang(sweeper, 1001.0))
    await asyncio.sleep(0)
    clock.advance(1.0)

    with pytest.raises(TimeoutError):
        await task

    assert task.cancelling() == 0


async def test_what_has_time_left_goes_on(sweeper: Sweeper, clock: FakeClock) -> None:
    """One slow attempt must not take a fast one with it."""
    overdue = asyncio.create_task(hang(sweeper, 1001.0))
    fine = asyncio.create_task(hang(sweeper, 1002.0))
    await asyncio.sleep(0)
    clock.advance(1.5)

    await asyncio.wait({overdue})

    assert isinstance(overdue.exception(), TimeoutError)
    assert not fine.done()
    fine.cancel()


async def test_a_moment_can_be_moved_while_inside(
    sweeper: Sweeper, clock: FakeClock
) -> None:
    """The head has come: now the body may take its time."""
    with sweeper.watch(1001.0) as watch:
        watch.until = 1010.0
        clock.advance(5.0)
        await asyncio.sleep(0.12)

    assert clock.now() == 1005.0


async def test_a_cancellation_from_outside_stays_one(
    sweeper: Sweeper, clock: FakeClock
) -> None:
    """A process that stops must not see time-outs instead."""
    task = asyncio.create_task(hang(sweeper, 1001.0))
    await asyncio.sleep(0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.now() == 1000.0


async def test_both_at_the_same_moment_stay_a_cancellation(
    sweeper: Sweeper, clock: FakeClock
) -> None:
    """Whoever cancelled waits for exactly that."""
    watch = sweeper.watch(1001.0)

    async def inside() -> None:
        with watch:
            await asyncio.Event().wait()

    task = asyncio.create_task(inside())
    await asyncio.sleep(0)

    watch.interrupt()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.now() == 1000.0


async def test_an_error_inside_passes_as_it_is(sweeper: Sweeper) -> None:
    """A refused connection is no time-out."""
    with pytest.raises(ValueError, match="mine"), sweeper.watch(1001.0):
        raise ValueError("mine")


async def test_a_closed_sweeper_interrupts_nobody(
    sweeper: Sweeper, clock: FakeClock
) -> None:
    """Its loop may be gone."""
    task = asyncio.create_task(hang(sweeper, 1001.0))
    await asyncio.sleep(0)
    sweeper.close()
    clock.advance(5.0)

    await asyncio.sleep(0.12)

    assert not task.done()
    task.cancel()


def stop_for_a_while() -> None:
    """Have nothing run, as in a process that is stopped."""
    time.sleep(LATE + 2 * INTERVAL)


async def test_after_a_stop_what_arrived_meanwhile_is_read_first() -> None:
    """The upstream was in time; only this process did not look."""
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    arrived: asyncio.Future[bytes] = loop.create_future()
    loop.add_reader(reading, lambda: arrived.set_result(os.read(reading, 1)))
    sweeper = Sweeper(loop, time.monotonic)

    async def read() -> bytes:
        with sweeper.watch(time.monotonic() + INTERVAL):
            return await arrived

    task = asyncio.create_task(read())
    await asyncio.sleep(0)
    os.write(writing, b"x")

    stop_for_a_while()

    assert await task == b"x"
    loop.remove_reader(reading)
    os.close(reading)
    os.close(writing)
    sweeper.close()


async def test_after_a_stop_what_is_missing_is_overdue_through_no_upstream() -> None:
    """Its response may be lost with the connection; nobody knows whose fault it is."""
    sweeper = Sweeper(asyncio.get_running_loop(), time.monotonic)
    watch = sweeper.watch(time.monotonic() + INTERVAL)

    async def wait() -> None:
        with watch:
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)

    stop_for_a_while()

    with pytest.raises(TimeoutError):
        await task
    assert (watch.expired, watch.late_at) == (True, float("inf"))
    sweeper.close()
