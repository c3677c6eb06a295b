"""Ends a gateway: finishes what was accepted, and logs what had to be cut."""

from dataclasses import dataclass
from typing import Final

import structlog

from gateway.admission.stage import AdmissionStage
from gateway.app.inbox import WebhookInbox
from gateway.app.listeners import Listeners
from gateway.config.schema import Drain as DrainOptions
from gateway.core.clock import Clock
from gateway.server.boundary import BoundaryStage
from gateway.server.health import Health
from gateway.telemetry.stage import RequestLog

_log = structlog.get_logger("gateway")
_POLL: Final = 0.02  # s between looks at what is still in flight
_CANCEL_TIMEOUT: Final = 1.0  # s for a cancelled request to end


@dataclass(slots=True, kw_only=True)
class Drain:
    """The order in which the parts of a gateway stop."""

    options: DrainOptions
    clock: Clock
    health: Health
    boundary: BoundaryStage
    admission: AdmissionStage
    listeners: Listeners
    inbox: WebhookInbox | None
    log: RequestLog
    ends: float = float("inf")  # when the drain is over; s, monotonic

    async def run(self) -> None:
        """Finish what was accepted; see docs/explanation/stop.md."""
        self.ends = self.clock.now() + self.options.accept + self.options.finish
        self.health.draining = True
        self.boundary.closing = True
        if self.inbox is not None:
            self.inbox.begin_drain()
        _log.info("draining", inside=self.admission.inside)
        await self.clock.sleep(self.options.accept)
        await self.listeners.stop_accepting()
        self.admission.draining = True
        while self._inside and self.clock.now() < self.ends:
            await self.clock.sleep(_POLL)
        _log.info("drained", left=self.admission.inside)

    @property
    def _inside(self) -> int:
        deliveries = 0 if self.inbox is None else self.inbox.inside
        return self.admission.inside + deliveries

    async def close(self) -> None:
        """Close the listeners, and log the requests that ended with them.

        A request that was not finished in time is cancelled by its listener and ends in
        a later turn of the loop. The ledger names its id, so the log must name it too.
        """
        await self.listeners.close()
        until = self.clock.now() + _CANCEL_TIMEOUT
        while self.admission.inside and self.clock.now() < until:
            await self.clock.sleep(_POLL)
        self.log.flush()
