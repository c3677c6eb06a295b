"""Refuse to ask an upstream that fails; hear how each attempt went.

The retry loop asks before each attempt and reports after it, in the same task.
"""

from collections.abc import Callable

from gateway.breaker.options import BreakerOptions
from gateway.breaker.policy import CLOSED, LONGEST, Breaker
from gateway.core.clock import Clock
from gateway.core.errors import CircuitOpen

_NAMES = ("closed", "half-open", "open")


class Pass:
    """What an attempt holds that may go: its verdict counts for that time only."""

    __slots__ = ()


class BreakerStage:
    """One upstream's breaker."""

    def __init__(
        self,
        options: BreakerOptions,
        clock: Clock,
        random: Callable[[], float],
        name: str,
        *,
        longest: float = LONGEST,
    ) -> None:
        """Wire the breaker.

        Args:
            options: When to open, and for how long; `enabled` False: never.
            clock: Real or fake.
            random: Returns from [0, 1).
            name: Of the upstream, as callers and metrics see it.
            longest: s that it stays open at most.
        """
        self.name = name
        self._enabled = options.enabled
        self._breaker = Breaker(options, longest=longest)
        self._clock = clock
        self._random = random
        # Whoever passed while it was closed holds this, until it opens.
        self._closed = Pass()
        self._probe: Pass | None = None

    @property
    def state(self) -> int:
        """Return 0 for closed, 1 for half-open, 2 for open."""
        return self._breaker.state

    @property
    def circuit(self) -> str:
        """Return `closed`, `half-open` or `open`."""
        return _NAMES[self._breaker.state]

    def described(self) -> dict[str, object]:
        """Return how it stands, since how long, s, and why."""
        changed = self._breaker.changed_at
        return {
            "state": self.circuit,
            "since_seconds": None
            if changed is None
            else round(self._clock.now() - changed),
            "reason": self._breaker.reason,
        }

    def admit(self, *, safe: bool = True, hurried: bool = False) -> Pass:
        """Let one attempt pass.

        Args:
            safe: Whether it has no effect.
            hurried: Whether its deadline may end it before the upstream is late.

        Raises:
            CircuitOpen: the upstream failed too often; nothing is to be sent.
        """
        breaker = self._breaker
        if breaker.state == CLOSED:
            return self._closed
        wait = breaker.admit(self._clock.now(), safe=safe, hurried=hurried)
        if wait > 0:
            raise CircuitOpen(
                f"Too many calls to {self.name} failed lately, so it is not asked; "
                "nothing was sent.",
                retry_after=wait,
            )
        self._probe = Pass()
        return self._probe

    def record(self, outcome: str, held: Pass) -> None:
        """Take the verdict, as `Breaker.record` has it, or `ignored`.

        Attempts from before it opened, or closed, still end: they say nothing of now.
        """
        breaker = self._breaker
        counts = self._closed if breaker.state == CLOSED else self._probe
        if not self._enabled or held is not counts:
            return
        self._probe = None
        breaker.record(outcome, self._clock.now(), self._random())
        if breaker.state != CLOSED:
            self._closed = Pass()
