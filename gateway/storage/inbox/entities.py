"""The last known status of each customer, offer and loan.

It is kept for longer than the events: a loan lives for months, and a backfill must know
which events did arrive. Ids and statuses only, no personal data.

Source: docs/adr/0010-inbox.md.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

KEPT: Final = 34_560_000.0  # s; 400 days after the last event
COLUMNS: Final = ("event_type", "entity", "status", "received", "happened")
_RECORD: Final = """
INSERT INTO entities VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (environment, entity) DO UPDATE
SET status = excluded.status, kind = excluded.kind, happened = excluded.happened,
  received = excluded.received
WHERE excluded.happened >= entities.happened
"""
_KNOWN: Final = """
SELECT EXISTS (
  SELECT 1 FROM entities WHERE environment = ? AND entity = ? AND status = ?
) OR EXISTS (
  SELECT 1 FROM events WHERE environment = ? AND entity = ? AND status = ? AND seq > ?
)
"""


def record(
    connection: sqlite3.Connection, environment: str, event: Mapping[str, Any]
) -> None:
    """Record the status that an event brings, unless a later one is recorded.

    Args:
        connection: Inside a transaction.
        environment: Of the event.
        event: `event_type`, `entity`, `status`, `received`, and `happened` or None.
    """
    if not event["entity"] or not event["status"]:
        return
    received, happened = event["received"], event.get("happened")
    connection.execute(
        _RECORD,
        (
            environment,
            event["entity"],
            event["event_type"].partition(".")[0],
            event["status"],
            received if happened is None else happened,
            received,
        ),
    )


def is_known(
    connection: sqlite3.Connection, environment: str, event: Mapping[str, Any], seq: int
) -> bool:
    """Return whether a status is recorded, or came with an event after `seq`.

    Args:
        connection: Inside a transaction.
        environment: Of the event.
        event: `entity` and `status`.
        seq: Events up to this one are not searched.
    """
    named = environment, event["entity"], event["status"]
    found = connection.execute(_KNOWN, (*named, *named, seq)).fetchone()
    return bool(found[0])


def last_statuses(
    connection: sqlite3.Connection, environment: str
) -> Mapping[str, tuple[str, str]]:
    """Return kind and status of each entity's last event, by the entity's id."""
    found = connection.execute(
        "SELECT entity, kind, status FROM entities WHERE environment = ?",
        (environment,),
    )
    return {entity: (kind, status) for entity, kind, status in found}


def tidy(
    connection: sqlite3.Connection, environment: str, now: float, most: int
) -> int:
    """Remove some of those without an event for long; return how many.

    Args:
        connection: Inside a transaction.
        environment: Whose.
        now: Unix, s.
        most: How many at most.
    """
    return connection.execute(
        "DELETE FROM entities WHERE (environment, entity) IN (SELECT environment, "
        "entity FROM entities WHERE received < ? AND environment = ? LIMIT ?)",
        (now - KEPT, environment, most),
    ).rowcount
