"""Interrupts overdue attempts: one sweeper for all, not a timer for each (ADR 6).

A timer per attempt costs more than the sweep: nearly every timer is cancelled unused.
The price is precision: an attempt ends up to one interval late.

A process that was stopped (a suspended laptop, a frozen container) wakes with all its
limits passed and the responses unread in its sockets. So a sweep that comes late lets
the loop read first.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from gateway.core.exchange import Peer

INTERVAL = 0.05  # s
LATE = 0.25  # s that a sweep may be late before the process counts as stopped


class Watch:
    """A context: the task inside is interrupted with TimeoutError when overdue."""

    __slots__ = (
        "_cancelling",
        "_sweeper",
        "_task",
        "expired",
        "late_at",
        "peer",
        "until",
    )

    def __init__(self, sweeper: "Sweeper", until: float) -> None:
        """Prepare a context; it is watched from its entry to its exit.

        Args:
            sweeper: Interrupts it.
            until: s, monotonic; when it is overdue.
        """
        self._sweeper = sweeper
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self.expired = False  # whether it interrupted its task
        self.until = until  # s, monotonic; may be moved while inside
        # s, monotonic; an interrupt before it says nothing of the upstream.
        self.late_at = until
        self.peer: Peer | None = None  # of the caller; interrupted when it is gone

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None, "a watch needs a task to interrupt"  # noqa: S101
        self._task = task
        self._cancelling = task.cancelling()
        self._sweeper.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sweeper.discard(self)
        if not self.expired or self._task is None:
            return
        # As asyncio.timeout does: our own cancellation becomes a time-out, while one
        # from outside that came at the same moment stays a cancellation.
        ours = self._task.uncancel() <= self._cancelling
        if ours and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def interrupt(self) -> None:
        """Cancel what the task waits for; `__exit__` turns that into TimeoutError."""
        if self._task is not None and not self.expired:
            self.expired = True
            self._task.cancel()


class Sweeper:
    """Interrupts watches that are overdue; asleep while there are none."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float]
    ) -> None:
        """Begin with nothing to watch.

        Args:
            loop: Runs the sweeps.
            clock: Monotonic, s; limits are moments of this clock.
        """
        self._loop = loop
        self._clock = clock
        self._watches: set[Watch] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # s, of the loop's clock; when the sweep is to run
        self._reading = False  # what arrived while the process was stopped

    def watch(self, until: float) -> Watch:
        """Return a context that may last until a moment (monotonic, s)."""
        return Watch(self, until)

    def add(self, watch: Watch) -> None:
        """Begin to look at a watch."""
        self._watches.add(watch)
        if self._timer is None:
            self._schedule()

    def discard(self, watch: Watch) -> None:
        """Stop looking at a watch."""
        self._watches.discard(watch)

    def close(self) -> None:
        """Stop sweeping."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        self._due = self._loop.time() + INTERVAL
        self._timer = self._loop.call_later(INTERVAL, self._sweep)

    def _sweep(self) -> None:
        if self._reading:
            # Behind the tasks that what was read has woken.
            self._timer = self._loop.call_later(0, self._interrupt)
        elif self._loop.time() - self._due > LATE:
            self._excuse()
        else:
            self._interrupt()

    def _excuse(self) -> None:
        """Have the loop read first; what is overdue still is so through no upstream."""
        self._reading = True
        now = self._clock()
        for watch in self._watches:
            if watch.until <= now:
                watch.late_at = float("inf")
        self._schedule()

    def _interrupt(self) -> None:
        self._reading = False
        now = self._clock()
        for watch in list(self._watches):
            left = watch.peer is not None and watch.peer.transport is None
            if left or watch.until <= now:
                watch.interrupt()
        self._timer = None
        if self._watches:
            self._schedule()
