"""What outlives the process? One database file: webhooks, and the ledger of POSTs."""

import asyncio
from contextlib import suppress
from typing import Any, Final

import structlog

from gateway.app.inbox import Mailroom, open_database
from gateway.config.schema import Config
from gateway.core.clock import Clock
from gateway.idempotency.memory import MemoryRecords
from gateway.idempotency.ports import Journal, NoJournal
from gateway.secrets.watcher import SecretKeeper
from gateway.storage.database.database import Database, DatabaseUnavailable
from gateway.storage.ledger.journal import SqliteLedger
from gateway.telemetry.metrics import Metrics

_log = structlog.get_logger("gateway.storage")
_PATIENCE: Final = 3.0  # s for the file to be read before anybody is served


class Durable:
    """The file of one gateway and those who use it; no file where nobody does."""

    def __init__(
        self, config: Config, *, secrets: SecretKeeper, metrics: Metrics, clock: Clock
    ) -> None:
        """Wire it; inside a running loop."""
        self._metrics = metrics
        self._said = ""
        self._database: Database | None = None
        self._ledger: SqliteLedger | None = None
        self.mailroom: Mailroom | None = None
        self.unknown = 0  # POSTs whose outcome nobody knows
        self.records = MemoryRecords(on_evicted=metrics.evictions.inc)
        webhooks = not config.listen.webhooks.off
        if not webhooks and not config.idempotency.durable:
            return
        self._database = open_database(
            config,
            clock,
            on_quarantine=self._quarantined,
            on_removed=self._file_removed,
        )
        if config.idempotency.durable:
            self._ledger = SqliteLedger(
                self._database,
                environment=config.environment,
                clock=clock,
                on_failure=self._failed,
                on_unknown=self._counted,
            )
        if webhooks:
            self.mailroom = Mailroom(
                config,
                self._database,
                secrets=secrets,
                metrics=metrics,
                clock=clock,
            )

    @property
    def journal(self) -> Journal:
        """Return where intents are kept."""
        return self._ledger or NoJournal()

    async def open(self) -> None:
        """Bring back what was known before; where that fails it is tried again."""
        if self._ledger is None:
            return
        try:
            async with asyncio.timeout(_PATIENCE):
                self._loaded(await self._ledger.load(self.records))
        except (DatabaseUnavailable, TimeoutError) as error:
            self._failed(str(error) or "the disk did not answer in time")

    def jobs(self) -> list[Any]:
        """Return what runs beside the listeners, as coroutines."""
        jobs = [] if self.mailroom is None else self.mailroom.jobs()
        if self._ledger is not None:
            jobs.append(self._ledger.run(self.records, self._loaded))
        return jobs

    async def close(self) -> None:
        """Finish what was begun, and close the file."""
        if self.mailroom is not None:
            await self.mailroom.close()
        if self._ledger is not None:
            with suppress(DatabaseUnavailable):  # the next start reads it
                await self._ledger.fold()
            self._ledger.close()
        if self._database is not None:
            await self._database.close()

    def _loaded(self, lost: int) -> None:
        self._said = ""
        if lost:
            _log.warning("posts_under_way_at_the_last_end", count=lost)

    def _failed(self, reason: str) -> None:
        self._metrics.ledger_failures.inc()
        if reason != self._said:
            self._said = reason
            _log.error("ledger_unavailable", reason=reason)

    def _counted(self, count: int, oldest: float) -> None:
        self.unknown = count
        self._metrics.ledger_unknown.set(count)
        self._metrics.ledger_oldest.set(oldest)

    def _quarantined(self, name: str) -> None:
        self._metrics.quarantined.inc()
        _log.critical("database_quarantined", moved_to=name, reason="it is damaged")

    def _file_removed(self, reason: str) -> None:
        self._metrics.file_removals.inc()
        _log.critical("database_removed", reason=reason)
