"""Builds the webhook inbox of a gateway: its listener, store, deliveries and admin."""

import os
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

import structlog

from gateway.app.storage import host_name, open_inbox, open_queries
from gateway.core.clock import Clock
from gateway.core.secret import Secret
from gateway.inbox.dispatch import Dispatcher
from gateway.inbox.maintenance import Maintenance
from gateway.inbox.options import InboxOptions
from gateway.inbox.receive import Receiver, WebhookKeys
from gateway.secrets.watcher import SecretWatcher
from gateway.server.health import Check
from gateway.server.inbox_admin import InboxAdmin
from gateway.server.listeners import Listener, listen_proxy
from gateway.server.sockets import BoundSockets
from gateway.server.webhooks import WebhookListener
from gateway.storage.database.database import Database
from gateway.storage.database.files import FileTrouble, hold, prepare
from gateway.storage.inbox.stats import Counts
from gateway.storage.inbox.store import SqliteInbox
from gateway.subscribers.client import HttpSubscriberClient
from gateway.telemetry.logging import http_logger
from gateway.telemetry.metrics import Metrics
from gateway.upstream.resolver import Resolver

_log = structlog.get_logger("gateway.inbox")
_LEVELS = {
    "webhook_accepted": "info",
    "webhook_conflict": "error",
    "webhook_secret_refused": "error",
    "delivery_dead": "error",
    "delivery_disabled": "error",
    "inbox_unavailable": "error",
    "deliveries_stopped": "error",
    "clock_set_back": "warning",
    "deliveries_of_unknown_subscribers": "warning",
    "webhook_refused": "warning",
    "webhook_unrouted": "warning",
    "delivery_retry": "warning",
}


class WebhookInbox:
    """The webhook inbox of one gateway that receives webhooks."""

    def __init__(
        self,
        options: InboxOptions,
        database: Database,
        *,
        environment: str,
        secrets: SecretWatcher,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        """Open nothing yet; inside a running loop.

        Args:
            options: Name the path, the limits and the subscribers.
            database: Keeps the deliveries.
            environment: Deliveries of another one are left alone.
            secrets: Hold what verifies and signs webhooks.
            metrics: Count deliveries and measure the backlog.
            clock: Real or fake.
        """
        self._options = options
        self._database = database
        self._secrets = secrets
        self._metrics = metrics
        self._clock = clock
        self._listener: Listener | None = None
        self._counts: Counts | None = None
        self._lock: int | None = None
        store = open_inbox(
            options,
            database,
            environment=environment,
            clock=clock,
            owner=self._owner(),
        )
        self._queries = open_queries(
            options, database, environment=environment, clock=clock
        )
        self._subscriber_client = HttpSubscriberClient(
            resolver=Resolver(), clock=clock.unix
        )
        self._maintenance = self._build_maintenance(store)
        self._keys = WebhookKeys(self._fields, on_refused=self._secret_refused)
        self._dispatcher = self._build_dispatcher(store)
        self._handler = WebhookListener(
            self._build_receiver(), path=options.path, max_body=options.max_body
        )

    def _owner(self) -> str:
        """Return the owner of our leases: this host, if no other gateway runs on it."""
        with suppress(FileTrouble):  # reported by the first write
            prepare(self._database.path)
        self._lock = hold(self._database.path)
        return (
            host_name()
            if self._lock is not None
            else f"{host_name()}/{uuid4().hex[:8]}"
        )

    def _build_maintenance(self, store: SqliteInbox) -> Maintenance:
        return Maintenance(
            store,
            self._queries,
            keep=self._options.dedup_ttl,
            room=2
            * self._options.max_body,  # in the log first, and then in the database
            clock=self._clock,
            on_counts=self._counted,
            on_event=log_event,
        )

    def _build_dispatcher(self, store: SqliteInbox) -> Dispatcher:
        return Dispatcher(
            store,
            self._subscriber_client,
            self._options,
            fields=self._fields,
            clock=self._clock,
            random=random.random,
            observer=self._metrics,
            on_event=log_event,
        )

    def _build_receiver(self) -> Receiver:
        return Receiver(
            self._dispatcher,
            self._keys,
            self._options,
            clock=self._clock,
            observer=self._metrics,
            on_event=log_event,
        )

    def _fields(self) -> Mapping[str, Secret] | None:
        held = self._secrets.current
        return None if held is None else held.fields

    async def listen(self, bound: BoundSockets) -> None:
        """Receive webhooks on sockets that were bound."""
        self._listener = await listen_proxy(self._handler, bound, logger=http_logger())

    def jobs(self) -> list[Any]:
        """Return the coroutines that run beside the listener."""
        return [self._maintenance.run(), self._deliver()]

    async def _deliver(self) -> None:
        # The maintenance reclaims what this gateway had leased before its last end.
        await self._maintenance.begun.wait()
        await self._dispatcher.run()

    def admin(self) -> Sequence[tuple[str, str, Any]]:
        """Return the routes of the admin listener: method, path and handler."""
        return InboxAdmin(
            self._queries,
            self._options,
            status=self.status,
            wake=self._dispatcher.wake,
        ).routes()

    def check(self) -> Check:
        """Return whether deliveries can be kept."""
        trouble = self._maintenance.trouble or self._database.trouble
        return Check(ok=trouble is None, reason=trouble or "it can be written")

    def status(self) -> dict[str, Any]:
        """Return what the status page shows."""
        shown: dict[str, Any] = {
            "can_verify": bool(self._keys()),
            "trouble": self._maintenance.trouble,
        }
        counts = self._counts
        if counts is not None:
            shown |= {
                "pending": counts.pending,
                "delivering": counts.delivering,
                "dead": counts.dead,
                "oldest_pending_seconds": round(self._waited(counts)),
                "disabled": list(counts.disabled),
                "unknown_subscribers": dict(counts.unknown),
            }
        return shown

    def _waited(self, counts: Counts) -> float:
        if counts.oldest is None:
            return 0.0
        return max(0.0, self._clock.unix() - counts.oldest)

    def begin_drain(self) -> None:
        """Serve on, and close each connection after its response."""
        self._handler.closing = True

    async def stop_accepting(self) -> None:
        """Close the socket and begin no further delivery."""
        self._dispatcher.stop()
        if self._listener is not None:
            await self._listener.stop_accepting()

    @property
    def inside(self) -> int:
        """Return how many deliveries are under way, in or out."""
        return self._handler.inside + self._dispatcher.under_way

    async def close(self) -> None:
        """Close sockets and connections."""
        if self._listener is not None:
            await self._listener.close()
        await self._subscriber_client.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _counted(self, counts: Counts) -> None:
        if counts.unknown and (self._counts is None or not self._counts.unknown):
            # A name was removed or changed: these are never delivered.
            log_event("deliveries_of_unknown_subscribers", **counts.unknown)
        self._counts = counts
        self._metrics.inbox(
            pending=counts.pending,
            delivering=counts.delivering,
            dead=counts.dead,
            oldest=self._waited(counts),
            disabled=len(counts.disabled),
        )

    def _secret_refused(self, reason: str) -> None:
        self._metrics.secret_refused("webhook_secret")
        log_event("webhook_secret_refused", reason=reason)


def log_event(event: str, **fields: Any) -> None:
    """Log an event of the inbox at the level of its kind."""
    getattr(_log, _LEVELS.get(event, "info"))(event, **fields)
