"""What time is it, and how does one wait? The only reader of clocks."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Time as the rooms see it; tests bring a fake."""

    def now(self) -> float:
        """Return the monotonic moment, s."""

    def unix(self) -> float:
        """Return the wall-clock moment, s since 1970."""

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""


class SystemClock:
    """The clocks of this machine."""

    # The functions themselves: a method around each is felt at ten looks a request.
    now = staticmethod(time.monotonic)
    unix = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        await asyncio.sleep(seconds)
