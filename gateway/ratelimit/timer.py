"""A timer that calls back at the earliest moment that was asked for."""

import asyncio
from collections.abc import Callable

from gateway.core.clock import Clock

_DRIFT = 0.001  # s; a moment this close to the one that is set is not set again


class Timer:
    """One task that sleeps until the callback is due; none while nothing waits."""

    __slots__ = ("_at", "_callback", "_clock", "_task")

    def __init__(self, clock: Clock, callback: Callable[[], None]) -> None:
        """Start unset.

        Args:
            clock: Real or fake.
            callback: Called once for each moment that is reached; it may set another.
        """
        self._clock = clock
        self._callback = callback
        self._task: asyncio.Task[None] | None = None
        self._at = 0.0  # s, monotonic; when the callback is due

    def set(self, now: float, at: float) -> None:
        """Call back at a moment, s; an earlier moment that is set stands."""
        if self._task is not None:
            if self._at <= at + _DRIFT:
                return
            self._task.cancel()
        self._at = at
        # Ended by `cancel`, which the owner calls when nothing waits any more.
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._call_after(max(0.0, at - now)))

    def cancel(self) -> None:
        """Unset the timer."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _call_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._task = None
        self._callback()
