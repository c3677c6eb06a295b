"""Builds what outlives the process: one database file with the inbox and the ledger."""

import asyncio
from contextlib import suppress
from typing import Any, Final

import structlog

from gateway.app.inbox import WebhookInbox
from gateway.app.storage import open_database
from gateway.config.schema import Config
from gateway.core.clock import Clock
from gateway.idempotency.memory import MemoryRecords
from gateway.idempotency.ports import Ledger, NoLedger
from gateway.secrets.watcher import SecretWatcher
from gateway.storage.database.database import Database, DatabaseUnavailable
from gateway.storage.ledger.ledger import SqliteLedger
from gateway.telemetry.metrics import Metrics

_log = structlog.get_logger("gateway.storage")
_LOAD_TIMEOUT: Final = 3.0  # s for reading the file before the first request is served


class Persistence:
    """The database file of one gateway and its users; no file where nothing is kept."""

    def __init__(
        self, config: Config, secrets: SecretWatcher, *, clock: Clock, metrics: Metrics
    ) -> None:
        """Open nothing yet; inside a running loop.

        Args:
            config: Says what is kept, and where.
            secrets: Hold what verifies and signs webhooks.
            clock: Real or fake.
            metrics: Count and measure what happens to the file.
        """
        self._metrics = metrics
        self._last_failure = ""
        self._database: Database | None = None
        self._ledger: SqliteLedger | None = None
        self.inbox: WebhookInbox | None = None
        self.unknown = 0  # POSTs whose outcome is unknown
        self.records = MemoryRecords(on_evicted=metrics.evictions.inc)
        receives = not config.listen.webhooks.off
        if not receives and not config.idempotency.durable:
            return
        self._database = open_database(
            config.storage,
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
        if receives:
            self.inbox = WebhookInbox(
                config.webhooks,
                self._database,
                environment=config.environment,
                secrets=secrets,
                metrics=metrics,
                clock=clock,
            )

    @property
    def ledger(self) -> Ledger:
        """Return the ledger of POSTs; without a file, one that keeps nothing."""
        return self._ledger or NoLedger()

    async def open(self) -> None:
        """Load what was known before the last end; a failure is retried by a job."""
        if self._ledger is None:
            return
        try:
            async with asyncio.timeout(_LOAD_TIMEOUT):
                self._loaded(await self._ledger.load(self.records))
        except (DatabaseUnavailable, TimeoutError) as error:
            self._failed(str(error) or "the disk did not respond in time")

    def jobs(self) -> list[Any]:
        """Return the coroutines that run beside the listeners."""
        jobs = [] if self.inbox is None else self.inbox.jobs()
        if self._ledger is not None:
            jobs.append(self._ledger.run(self.records, self._loaded))
        return jobs

    async def close(self) -> None:
        """Finish what was begun and close the file."""
        if self.inbox is not None:
            await self.inbox.close()
        if self._ledger is not None:
            with suppress(DatabaseUnavailable):  # the next start folds it
                await self._ledger.fold()
            self._ledger.close()
        if self._database is not None:
            await self._database.close()

    def _loaded(self, lost: int) -> None:
        self._last_failure = ""
        if lost:
            _log.warning("posts_under_way_at_the_last_end", count=lost)

    def _failed(self, reason: str) -> None:
        self._metrics.ledger_failures.inc()
        if reason != self._last_failure:
            self._last_failure = reason
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
