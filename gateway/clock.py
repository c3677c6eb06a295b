"""What time is it, and how does one wait? The only reader of clocks."""

import asyncio
import time
from typing import NamedTuple, Protocol


class Clock(Protocol):
    """Time as the rooms see it; tests bring a fake."""

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


class SystemClock:
    """The clocks of this machine."""

    # The functions themselves: a method around each is felt at ten looks a request.
    now = staticmethod(time.monotonic)
    unix = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        await asyncio.sleep(seconds)
