"""Ends a gateway: what was accepted is finished, and what had to be cut is logged."""

from dataclasses import dataclass
from typing import Final

import structlog

from gateway.admission.stage import AdmissionStage
from gateway.app.inbox import Mailroom
from gateway.app.listeners import Listeners
from gateway.config.schema import Drain as DrainOptions
from gateway.core.clock import Clock
from gateway.server.health import Health
from gateway.server.proxy import Proxy
from gateway.telemetry.stage import RequestLog

_log = structlog.get_logger("gateway")
_LOOK: Final = 0.02  # s between looks at what is still inside
_CUT: Final = 1.0  # s for a cancelled request to end


@dataclass(slots=True, kw_only=True)
class Drain:
    """The parts that take part in the end, told in turn."""

    options: DrainOptions
    clock: Clock
    health: Health
    proxy: Proxy
    admission: AdmissionStage
    listeners: Listeners
    mailroom: Mailroom | None
    log: RequestLog
    ends: float = float("inf")  # s, monotonic

    async def run(self) -> None:
        """Finish what was accepted; see docs/explanation/stop.md."""
        self.ends = self.clock.now() + self.options.accept + self.options.finish
        self.health.draining = True
        self.proxy.closing = True
        if self.mailroom is not None:
            self.mailroom.begin_drain()
        _log.info("draining", inside=self.admission.inside)
        await self.clock.sleep(self.options.accept)
        await self.listeners.stop_accepting()
        self.admission.draining = True
        while self._inside and self.clock.now() < self.ends:
            await self.clock.sleep(_LOOK)
        _log.info("drained", left=self.admission.inside)

    @property
    def _inside(self) -> int:
        mail = 0 if self.mailroom is None else self.mailroom.inside
        return self.admission.inside + mail

    async def close(self) -> None:
        """Close the listeners, and write the lines of what ended with them.

        A request that was not finished in time is cancelled by its listener, and ends
        in a turn of its own: the ledger names its id, and so must the log.
        """
        await self.listeners.close()
        give_up = self.clock.now() + _CUT
        while self.admission.inside and self.clock.now() < give_up:
            await self.clock.sleep(_LOOK)
        self.log.flush()
