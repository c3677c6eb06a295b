"""Reads clocks and waits; nothing else in the project does."""

import asyncio
import time
from typing import Final, NamedTuple, Protocol

CONFIRMED_AFTER: Final = 3600.0  # s without a change of the wall clock
_DRIFT: Final = 60.0  # s; a smaller difference is no change


class Clock(Protocol):
    """The time; tests use a fake."""

    def now(self) -> float:
        """Return the monotonic moment, s."""

    def unix(self) -> float:
        """Return the wall-clock moment, s since 1970."""

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""


class Instant(NamedTuple):
    """A moment on both clocks.

    Neither is enough alone: the monotonic one stands still while the machine is
    suspended, and the wall clock can be set.
    """

    monotonic: float  # s
    unix: float  # s since 1970

    def longest_since(self, earlier: "Instant") -> float:
        """Return how much time may have passed, s: the larger of both spans."""
        return max(self.monotonic - earlier.monotonic, self.unix - earlier.unix)

    def shortest_since(self, earlier: "Instant") -> float:
        """Return how much time has certainly passed, s: the smaller of both spans."""
        return min(self.monotonic - earlier.monotonic, self.unix - earlier.unix)


def instant(clock: Clock) -> Instant:
    """Return the present moment on both clocks."""
    return Instant(clock.now(), clock.unix())


class ConfirmedTime:
    """The wall clock, confirmed by an hour of monotonic time without a change of it.

    What is deleted by its age is lost: a clock that is a month ahead for a minute, or
    at a start, must delete nothing. What only waits follows the wall clock at once.
    Source: `docs/adr/0010-inbox.md`.
    """

    def __init__(self, clock: Clock) -> None:
        """Start unconfirmed; `clock` is real or fake."""
        self._clock = clock
        self._confirmed: float | None = None  # s, wall clock less monotonic
        self._since = clock.now()
        self._seen = clock.unix() - self._since

    def unix(self) -> float | None:
        """Return the confirmed moment, s since 1970; None: there is none yet.

        It is never later than the wall clock, and earlier after that was set forward.
        """
        now = self._clock.now()
        offset = self._clock.unix() - now
        if abs(offset - self._seen) > _DRIFT:
            self._seen, self._since = offset, now
        if now - self._since >= CONFIRMED_AFTER:
            self._confirmed = self._seen
        if self._confirmed is None:
            return None
        return now + min(self._confirmed, offset)


class SystemClock:
    """The clocks of this machine."""

    # The functions themselves: they are called ten times a request.
    now = staticmethod(time.monotonic)
    unix = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        await asyncio.sleep(seconds)
