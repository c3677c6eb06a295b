"""How do the inbox's parts become one? Built where a webhook listener is asked for."""

import os
import random
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import structlog

from gateway.config.schema import Config
from gateway.core.clock import Clock
from gateway.core.secret import Secret
from gateway.inbox.dispatch import Dispatcher
from gateway.inbox.handover import Handover
from gateway.inbox.maintenance import Upkeep
from gateway.inbox.receive import Keys, Receiver
from gateway.inbox.subscribers import targets
from gateway.secrets.watcher import SecretKeeper
from gateway.server.health import Check
from gateway.server.inbox_admin import InboxAdmin
from gateway.server.listeners import Listener, listen_proxy
from gateway.server.sockets import BoundSockets
from gateway.server.webhooks import WebhookListener
from gateway.storage.database.database import Database
from gateway.storage.database.files import FileTrouble, hold, prepare
from gateway.storage.inbox.queries import Desk
from gateway.storage.inbox.stats import Counts
from gateway.storage.inbox.store import SqliteInbox
from gateway.subscribers.client import HttpCarrier
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


class Mailroom:
    """The webhook inbox of one gateway."""

    def __init__(
        self,
        config: Config,
        database: Database,
        *,
        secrets: SecretKeeper,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        """Wire it; inside a running loop."""
        self._config = config
        self._metrics = metrics
        self._clock = clock
        self._listener: Listener | None = None
        self._counts: Counts | None = None
        options = config.webhooks
        self._database = database
        self._lock: int | None = None
        store = open_inbox(config, self._database, clock, owner=self._owner())
        self._desk = open_desk(config, self._database, clock)
        self._carrier = HttpCarrier(resolver=Resolver(), clock=clock.unix)
        self._upkeep = Upkeep(
            store,
            self._desk,
            keep=options.dedup_ttl,
            room=2 * options.max_body,  # in the log first, and then in the database
            clock=clock,
            on_counts=self._counted,
            on_event=say,
        )

        self._secrets = secrets
        self._keys = Keys(self._fields, on_refused=self._secret_refused)
        self._dispatcher = self._build_dispatcher(store)
        self._handler = WebhookListener(
            self._build_receiver(store), path=options.path, max_body=options.max_body
        )

    def _owner(self) -> str:
        """Return whose leases are ours: those of this host, if we are alone on it."""
        with suppress(FileTrouble):  # said by whoever writes
            prepare(self._database.path)
        self._lock = hold(self._database.path)
        return host() if self._lock is not None else f"{host()}/{uuid4().hex[:8]}"

    def _build_dispatcher(self, store: SqliteInbox) -> Dispatcher:
        return Dispatcher(
            store,
            self._carrier,
            self._config.webhooks,
            fields=self._fields,
            clock=self._clock,
            random=random.random,
            observer=self._metrics,
            on_event=say,
        )

    def _build_receiver(self, store: SqliteInbox) -> Receiver:
        return Receiver(
            Handover(store, self._dispatcher),
            self._keys,
            self._config.webhooks,
            clock=self._clock,
            observer=self._metrics,
            on_event=say,
        )

    def _fields(self) -> Mapping[str, Secret] | None:
        held = self._secrets.current
        return None if held is None else held.fields

    async def listen(self, bound: BoundSockets) -> None:
        """Take webhooks in on what was bound."""
        self._listener = await listen_proxy(self._handler, bound, logger=http_logger())

    def jobs(self) -> list[Any]:
        """Return what runs beside the listener, as coroutines."""
        return [self._upkeep.run(), self._deliver()]

    async def _deliver(self) -> None:
        # What this gateway had leased before is taken back first.
        await self._upkeep.begun.wait()
        await self._dispatcher.run()

    def admin(self) -> Sequence[tuple[str, str, Any]]:
        """Return what answers on the admin listener: method, path and handler."""
        return InboxAdmin(
            self._desk,
            self._config.webhooks,
            status=self.status,
            wake=self._dispatcher.wake,
        ).routes()

    def check(self) -> Check:
        """Return whether deliveries can be kept."""
        trouble = self._upkeep.trouble or self._database.trouble
        return Check(ok=trouble is None, reason=trouble or "it can be written")

    def status(self) -> dict[str, Any]:
        """Return what the status page shows."""
        shown: dict[str, Any] = {
            "can_verify": bool(self._keys()),
            "trouble": self._upkeep.trouble,
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
        """Answer on, and end each connection with its answer."""
        self._handler.closing = True

    async def stop_accepting(self) -> None:
        """Close the socket, and begin no further delivery."""
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
        await self._carrier.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _counted(self, counts: Counts) -> None:
        if counts.unknown and (self._counts is None or not self._counts.unknown):
            # A name that was taken out or changed: nobody will ever deliver these.
            say("deliveries_of_unknown_subscribers", **counts.unknown)
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
        say("webhook_secret_refused", reason=reason)


def open_database(
    config: Config,
    clock: Clock,
    *,
    on_quarantine: Any,
    on_removed: Any = lambda _: None,
) -> Database:
    """Return the database of a configuration; inside a running loop.

    Args:
        config: Of the gateway.
        clock: Real or fake.
        on_quarantine: Takes the new name of a damaged file.
        on_removed: Takes what became of a file that was removed while in use.
    """
    return Database(
        config.storage.sqlite_path,
        stamp=lambda: datetime.fromtimestamp(clock.unix(), UTC).strftime(
            "%Y%m%dT%H%M%SZ"
        ),
        on_quarantine=on_quarantine,
        on_removed=on_removed,
    )


def host() -> str:
    """Return the name of this host, which outlives a restart."""
    return os.environ.get("HOSTNAME") or socket.gethostname()


def open_desk(config: Config, database: Database, clock: Clock) -> Desk:
    """Return the operator's view of the inbox in a database."""
    return Desk(
        database,
        clock=clock,
        environment=config.environment,
        targets=targets(config.webhooks.subscribers),
    )


def open_inbox(
    config: Config, database: Database, clock: Clock, *, owner: str
) -> SqliteInbox:
    """Return the inbox in a database; `owner` of leases."""
    return SqliteInbox(
        database,
        environment=config.environment,
        endpoint=config.webhooks.path,
        owner=owner,
        targets=targets(config.webhooks.subscribers),
        lease=config.webhooks.lease,
        clock=clock,
    )


def say(event: str, **fields: Any) -> None:
    """Log what happened, as loud as it is."""
    getattr(_log, _LEVELS.get(event, "info"))(event, **fields)
