"""Refuses attempts while a circuit is open, and records how each attempt ended.

`admit` is called before an attempt and `record` after it, in the same task.
"""

from collections.abc import Callable

from gateway.breaker.options import LONGEST, BreakerOptions
from gateway.core.circuit import CLOSED, Circuit
from gateway.core.clock import Clock
from gateway.core.errors import CircuitOpen

_NAMES = ("closed", "half-open", "open")


class Pass:
    """Held by an admitted attempt; its verdict counts for that time only."""

    __slots__ = ()


class BreakerStage:
    """The circuit of one upstream."""

    def __init__(
        self,
        options: BreakerOptions,
        clock: Clock,
        random: Callable[[], float],
        name: str,
        *,
        longest: float = LONGEST,
    ) -> None:
        """Begin with a closed circuit.

        Args:
            options: When to open, and for how long; `enabled` False: never.
            clock: Real or fake.
            random: Returns from [0, 1).
            name: Of the upstream, as callers and metrics see it.
            longest: s that it stays open at most.
        """
        self.name = name
        self._enabled = options.enabled
        self._circuit = Circuit(options.rules(longest=longest))
        self._clock = clock
        self._random = random
        # Attempts that were admitted while it is closed share this, until it opens.
        self._closed = Pass()
        self._probe: Pass | None = None

    @property
    def state(self) -> int:
        """Return 0 for closed, 1 for half-open, 2 for open."""
        return self._circuit.state

    @property
    def circuit(self) -> str:
        """Return `closed`, `half-open` or `open`."""
        return _NAMES[self._circuit.state]

    def described(self) -> dict[str, object]:
        """Return the state, the s since it changed, and why it changed."""
        changed = self._circuit.changed_at
        return {
            "state": self.circuit,
            "since_seconds": None
            if changed is None
            else round(self._clock.now() - changed),
            "reason": self._circuit.reason,
        }

    def admit(self, *, safe: bool = True, hurried: bool = False) -> Pass:
        """Admit one attempt.

        Args:
            safe: Whether it has no effect.
            hurried: Whether its deadline may end it before the upstream is late.

        Raises:
            CircuitOpen: the upstream failed too often; nothing is to be sent.
        """
        circuit = self._circuit
        if circuit.state == CLOSED:
            return self._closed
        wait = circuit.admit(self._clock.now(), safe=safe, hurried=hurried)
        if wait > 0:
            raise CircuitOpen(
                f"Too many calls to {self.name} failed lately, so it is not asked; "
                "nothing was sent.",
                retry_after=wait,
            )
        self._probe = Pass()
        return self._probe

    def record(self, outcome: str, held: Pass) -> None:
        """Count how an attempt ended.

        Args:
            outcome: A verdict of `Circuit.record`, or `ignored`.
            held: What `admit` returned. An attempt from before the circuit opened, or
                closed, says nothing of now and is not counted.
        """
        circuit = self._circuit
        counts = self._closed if circuit.state == CLOSED else self._probe
        if not self._enabled or held is not counts:
            return
        self._probe = None
        circuit.record(outcome, self._clock.now(), self._random())
        if circuit.state != CLOSED:
            self._closed = Pass()
