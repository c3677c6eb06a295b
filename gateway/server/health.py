"""Liveness and readiness of the gateway."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.clock import Clock

BEAT = 0.25  # s
_LAG = 1.0  # s; a loop that is later than this serves no request


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of readiness, and why it is or is not met."""

    ok: bool
    reason: str


class Health:
    """Liveness is a loop that turns; readiness is a list of checks.

    Neither contacts Vault or Dinie: their outage must not restart or hide a gateway
    that still has a token.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._beat = clock.now()
        self._checks: dict[str, Callable[[], Check]] = {}
        self.draining = False

    def add(self, name: str, check: Callable[[], Check]) -> None:
        """Add a condition of readiness."""
        self._checks[name] = check

    async def run(self) -> None:
        """Beat for as long as the gateway runs."""
        while True:
            self._beat = self._clock.now()
            await self._clock.sleep(BEAT)

    @property
    def alive(self) -> bool:
        """Whether the loop turned within the last second."""
        return self._clock.now() - self._beat < BEAT + _LAG

    def readiness(self) -> tuple[bool, dict[str, dict[str, object]]]:
        """Return whether the gateway is ready, and each check with its reason."""
        checks = {name: check() for name, check in self._checks.items()}
        checks["draining"] = Check(
            not self.draining,
            "the gateway is stopping" if self.draining else "not stopping",
        )
        return all(check.ok for check in checks.values()), {
            name: {"ok": check.ok, "reason": check.reason}
            for name, check in checks.items()
        }
