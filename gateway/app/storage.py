"""Opens the database file and the stores in it, for the gateway and its commands."""

import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime

from gateway.config.schema import Storage
from gateway.core.clock import Clock
from gateway.inbox.options import InboxOptions
from gateway.inbox.policy import targets
from gateway.storage.database.database import Database
from gateway.storage.inbox.queries import InboxQueries
from gateway.storage.inbox.store import SqliteInbox


def open_database(
    storage: Storage,
    clock: Clock,
    *,
    on_quarantine: Callable[[str], object],
    on_removed: Callable[[str], object] = lambda _: None,
) -> Database:
    """Return the database; inside a running loop.

    Args:
        storage: Says where the file is.
        clock: Dates the name of a damaged file.
        on_quarantine: Takes the new name of a damaged file that was moved aside.
        on_removed: Takes what became of a file that was removed while in use.
    """
    return Database(
        storage.sqlite_path,
        stamp=lambda: datetime.fromtimestamp(clock.unix(), UTC).strftime(
            "%Y%m%dT%H%M%SZ"
        ),
        on_quarantine=on_quarantine,
        on_removed=on_removed,
    )


def open_inbox(
    webhooks: InboxOptions,
    database: Database,
    *,
    environment: str,
    clock: Clock,
    owner: str,
) -> SqliteInbox:
    """Return the webhook inbox in a database.

    Args:
        webhooks: Name the subscribers, the endpoint and the life of a lease.
        database: Holds it.
        environment: Deliveries of another one are left alone.
        clock: Real or fake.
        owner: Whose leases are made; those of the same name are its own.
    """
    return SqliteInbox(
        database,
        environment=environment,
        endpoint=webhooks.path,
        owner=owner,
        targets=targets(webhooks.subscribers),
        lease=webhooks.lease,
        clock=clock,
    )


def open_queries(
    webhooks: InboxOptions, database: Database, *, environment: str, clock: Clock
) -> InboxQueries:
    """Return the operator's view of the inbox in a database.

    Args:
        webhooks: Name the subscribers.
        database: Holds the inbox.
        environment: Deliveries of another one are left out.
        clock: Real or fake.
    """
    return InboxQueries(
        database,
        clock=clock,
        environment=environment,
        targets=targets(webhooks.subscribers),
    )


def host_name() -> str:
    """Return the name of this host, which outlives a restart."""
    return os.environ.get("HOSTNAME") or socket.gethostname()
