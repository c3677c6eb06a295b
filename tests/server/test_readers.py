"""Readers: who does not take a response is cut, who takes it slowly is served."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from gateway.server.readers import CROWDED_TIMEOUT, MOST, READ_AHEAD, TIMEOUT, Readers
from tests.fakes import FakeClock

MIB = 1024 * 1024


class Wire:
    """A connection with so many bytes unsent."""

    def __init__(self, unsent: int = 0) -> None:
        self.unsent = unsent
        self.aborted = False

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.aborted = True


class Loop:
    """Calls back when the clock is moved on."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._calls: list[tuple[float, Callable[[], None]]] = []

    def call_later(self, seconds: float, call: Callable[[], None]) -> Any:
        self._calls.append((self._clock.now() + seconds, call))
        return self

    def cancel(self) -> None:
        self._calls.clear()

    @property
    def idle(self) -> bool:
        return not self._calls

    def advance(self, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        """Let time pass, a tenth of a second at a time."""
        for _ in range(round(seconds * 10)):
            self._clock.advance(0.1)
            each()
            due, self._calls = self._calls, []
            for at, call in due:
                if at <= self._clock.now():
                    call()
                else:
                    self._calls.append((at, call))


class Scene:
    def __init__(self) -> None:
        clock = FakeClock()
        self.loop = Loop(clock)
        loop = cast("asyncio.AbstractEventLoop", self.loop)
        self.readers = Readers(loop, clock.now)

    def behind(self, unsent: int) -> Wire:
        wire = Wire(unsent)
        self.readers.behind(cast("asyncio.WriteTransport", wire))
        return wire

    def caught_up(self, wire: Wire) -> None:
        self.readers.caught_up(cast("asyncio.WriteTransport", wire))

    def wrote(self, wire: Wire, size: int) -> bool:
        wire.unsent += size
        return self.readers.wrote(cast("asyncio.WriteTransport", wire), size)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_who_takes_nothing_for_ten_seconds_is_cut(scene: Scene) -> None:
    """A response that nobody reads must not lie in memory for ever."""
    wire = scene.behind(MIB)
    with capture_logs() as logs:
        scene.loop.advance(TIMEOUT - 1)
        before = wire.aborted
        scene.loop.advance(2.5)

    assert (before, wire.aborted) == (False, True)
    assert (len(scene.readers), scene.readers.unsent) == (0, 0)
    assert [line["event"] for line in logs] == ["readers_cut"]
    assert scene.loop.idle


def test_who_takes_a_little_is_served_to_the_end(scene: Scene) -> None:
    """A bad line is no fault of its user's."""
    wire = scene.behind(MIB)

    def take() -> None:
        wire.unsent -= 100

    scene.loop.advance(60.0, take)

    assert not wire.aborted
    scene.caught_up(wire)
    assert scene.readers.unsent == 0


def test_progress_shows_although_more_is_written(scene: Scene) -> None:
    """Dinie may send faster than the caller reads: that is no stall."""
    wire = scene.behind(MIB)

    def take_and_write() -> None:
        wire.unsent -= 1000
        scene.wrote(wire, 1100)

    scene.loop.advance(30.0, take_and_write)

    assert not wire.aborted


def test_half_of_the_memory_taken_is_no_time_to_wait(scene: Scene) -> None:
    """A crowd that does not read holds slots no longer than others wait for one."""
    crowd = [scene.behind(4 * MIB) for _ in range(9)]

    scene.loop.advance(CROWDED_TIMEOUT + 1.5)

    assert all(wire.aborted for wire in crowd)


def test_memory_is_bounded_and_the_longest_stall_goes_first(scene: Scene) -> None:
    """Whoever has just begun, or does take bytes, is spared."""
    old, moving = scene.behind(20 * MIB), scene.behind(20 * MIB)
    scene.loop.advance(0.2)
    moving.unsent -= 1

    new = scene.behind(30 * MIB)

    assert [one.aborted for one in (old, moving, new)] == [True, False, False]
    assert scene.readers.unsent <= MOST


def test_reading_ahead_ends_at_a_bound_of_each_and_of_all(scene: Scene) -> None:
    """What does not fit stays at Dinie until the reader has taken some."""
    one = Wire()
    free = scene.wrote(one, 10 * MIB)  # it takes everything
    slow = scene.behind(MIB)
    some = scene.wrote(slow, MIB)
    enough = scene.wrote(slow, READ_AHEAD)
    for _ in range(7):
        scene.behind(4 * MIB)
    last = scene.behind(MIB)

    assert (free, some, enough) == (True, True, False)
    assert not scene.wrote(last, 1)


def test_closing_ends_the_looks(scene: Scene) -> None:
    """No timer outlives the gateway."""
    scene.behind(1)

    scene.readers.close()
    scene.readers.close()

    assert scene.loop.idle
