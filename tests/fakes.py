"""Doubles for the ports of the rooms."""

import asyncio


class FakeClock:
    """A clock that moves only when told, or when somebody sleeps on it."""

    def __init__(self, now: float = 1000.0, unix: float = 1_790_000_000.0) -> None:
        self._now = now
        self._unix = unix
        self.slept: list[float] = []

    def now(self) -> float:
        """Return the made-up monotonic moment, s."""
        return self._now

    def unix(self) -> float:
        """Return the made-up wall-clock moment, s."""
        return self._unix

    def advance(self, seconds: float) -> None:
        """Move both clocks on."""
        self._now += seconds
        self._unix += seconds

    async def sleep(self, seconds: float) -> None:
        """Move on at once, letting others run."""
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)
