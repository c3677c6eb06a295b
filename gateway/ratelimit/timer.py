"""A timer that calls back at the earliest moment that was asked for."""

import asyncio
from collections.abc import Callable

from gateway.core.clock import Clock

_DRIFT = 0.001  # s; a moment this close is not set anew


class Timer:
    """One task that sleeps, and only while somebody waits."""

    __slots__ = ("_at", "_callback", "_clock", "_task")

    def __init__(self, clock: Clock, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._callback = callback
        self._task: asyncio.Task[None] | None = None
        self._at = 0.0

    def set(self, now: float, at: float) -> None:
        """Call back at a moment, s, or earlier where an earlier one was asked for."""
        if self._task is not None:
            if self._at <= at + _DRIFT:
                return  # whoever is called back sets it again
            self._task.cancel()
        self._at = at
        # Owned: whoever set it cancels it when nobody waits any more.
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._ring(max(0.0, at - now)))

    def cancel(self) -> None:
        """Call nobody back."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _ring(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._task = None
        self._callback()
