"""Refuse to ask an upstream that fails; hear how each attempt went.

The retry loop asks before each attempt and reports after it, in the same task.
"""

import asyncio
from collections.abc import Callable

from gateway.breaker.options import BreakerOptions
from gateway.breaker.policy import CLOSED, Breaker
from gateway.clock import Clock
from gateway.errors import CircuitOpen


class BreakerStage:
    """One upstream's breaker."""

    def __init__(
        self,
        options: BreakerOptions,
        clock: Clock,
        random: Callable[[], float],
        name: str,
    ) -> None:
        """Wire the breaker.

        Args:
            options: When to open, and for how long; `enabled` False: never.
            clock: Real or fake.
            random: Returns from [0, 1).
            name: Of the upstream, as callers and metrics see it.
        """
        self.name = name
        self._enabled = options.enabled
        self._breaker = Breaker(options)
        self._clock = clock
        self._random = random
        self._prober: asyncio.Task[object] | None = None

    @property
    def state(self) -> int:
        """Return 0 for closed, 1 for half-open, 2 for open."""
        return self._breaker.state

    def admit(self) -> None:
        """Let one attempt pass.

        Raises:
            CircuitOpen: the upstream failed too often; nothing is to be sent.
        """
        breaker = self._breaker
        if breaker.state == CLOSED:
            return
        wait = breaker.admit(self._clock.now())
        if wait > 0:
            raise CircuitOpen(
                f"Too many calls to {self.name} failed lately, so it is not asked; "
                "nothing was sent.",
                retry_after=wait,
            )
        self._prober = asyncio.current_task()

    def record(self, outcome: str) -> None:
        """Take the verdict: `success`, `failure`, `connect_failure` or `ignored`."""
        if not self._enabled:
            return
        breaker = self._breaker
        if breaker.state != CLOSED:
            # Attempts from before it opened still end; only the probe's verdict counts.
            if self._prober is not asyncio.current_task():
                return
            self._prober = None
        breaker.record(outcome, self._clock.now(), self._random())
