"""Reports the state of a running gateway: gauges, and the content of its page."""

from dataclasses import dataclass
from typing import Any, Final

from gateway.app.persistence import Persistence
from gateway.breaker.stage import BreakerStage
from gateway.core.clock import Clock
from gateway.core.timestamps import iso_of
from gateway.credentials.token_source import TokenSource
from gateway.pipeline.order import Stages
from gateway.rotation.options import RotationOptions
from gateway.rotation.policy import due_at, ends_at
from gateway.secrets.ports import moment
from gateway.secrets.watcher import SecretWatcher
from gateway.server.health import Health
from gateway.telemetry.metrics import Metrics, version
from gateway.telemetry.request_history import RequestHistory

_FAILURES: Final = 5  # failed requests on the page


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """The parts whose state is reported, read when a scrape or the page needs it."""

    environment: str
    service: str
    provider: str  # of secrets
    rotation: RotationOptions
    clock: Clock
    metrics: Metrics
    health: Health
    secrets: SecretWatcher
    tokens: TokenSource
    stages: Stages
    breakers: tuple[BreakerStage, ...]  # the API's first
    persistence: Persistence
    history: RequestHistory

    def update(self) -> None:
        """Set the gauges.

        A moment that is unknown is 0. The gauges of the quota and of the last read of
        the secrets keep their value until there is a newer one.
        """
        metrics, unix = self.metrics, self.clock.unix()
        quota = self.stages.ratelimit.snapshot
        if quota.limit is not None:
            metrics.limit.set(quota.limit)
            metrics.remaining.set(quota.remaining or 0)
            metrics.reset.set(quota.reset_unix or 0)
        metrics.in_flight.set(self.stages.bulkhead.in_flight)
        for breaker in self.breakers:
            metrics.circuit.labels(breaker.name).set(breaker.state)
        expires_in = self.tokens.expires_in
        # 0 without a token: no alert must see the end of a token that is gone.
        metrics.token_expiry.set(0 if expires_in is None else unix + expires_in)
        if self.secrets.last_success_unix is not None:
            metrics.secrets_success.set(self.secrets.last_success_unix)
        metrics.vault_expiry.set(self._vault_ends() or 0)
        created, expires = self._credential()
        ends = ends_at(created, expires, self.rotation)
        metrics.credential_age.set(0 if created is None else unix - created)
        metrics.credential_expiry.set(0 if ends is None else ends)

    def status(self) -> dict[str, Any]:
        """Return what the status page shows; no secret, no key and no path is in it."""
        ready, checks = self.health.readiness()
        expires_in = self.tokens.expires_in
        created, expires = self._credential()
        return {
            "environment": self.environment,
            "service": self.service,
            "version": version(),
            "time": _iso(self.clock.unix()),
            "ready": ready,
            "checks": checks,
            "token": {
                "state": self.tokens.state,
                "expires_in_seconds": expires_in and round(expires_in),
            },
            "secrets": {
                "provider": self.provider,
                "last_read": _iso(self.secrets.last_success_unix),
                "trouble": self.secrets.last_error,
                "vault_token_ends": _iso(self._vault_ends()),
            },
            "credential": {
                "created": _iso(created),
                "expires": _iso(expires),
                "next_rotation": _iso(due_at(created, expires, self.rotation)),
            },
            "circuit": self.breakers[0].circuit,
            "circuits": {one.name: one.described() for one in self.breakers},
            "quota": self._quota(),
            "requests": {
                "inside": self.stages.admission.inside,
                "with_dinie": self.stages.bulkhead.in_flight,
            },
            "unknown_outcomes": self.persistence.unknown,
            "webhooks": self.persistence.inbox and self.persistence.inbox.status(),
            "last_failures": self.history.failures(_FAILURES),
        }

    def _quota(self) -> dict[str, Any]:
        quota = self.stages.ratelimit.snapshot
        return {
            "limit": quota.limit,
            "remaining": quota.remaining,
            "resets": _iso(quota.reset_unix),
            "waiting": quota.waiting,
        }

    def _vault_ends(self) -> float | None:
        expires_in = self.secrets.expires_in
        return None if expires_in is None else self.clock.unix() + expires_in

    def _credential(self) -> tuple[float | None, float | None]:
        """Return when the credential was created and when it expires; s, Unix."""
        held = self.secrets.current
        if held is None:
            return None, None
        return moment(held, "client_created_at"), moment(held, "client_expires_at")


def _iso(unix: float | None) -> str | None:
    return None if unix is None else iso_of(unix)
