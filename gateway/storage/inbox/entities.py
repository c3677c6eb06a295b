"""How far is each customer, offer and loan, as far as events told?

Kept for longer than the events: a loan lives for months, and whoever looks for what was
missed must know what was not. Ids and statuses only, nothing of a person.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

KEPT: Final = 34_560_000.0  # s; 400 days after the last event
TOLD: Final = ("event_type", "entity", "status", "received", "happened")
_NOTE: Final = """
INSERT INTO entities VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (environment, entity) DO UPDATE
SET status = excluded.status, kind = excluded.kind, happened = excluded.happened,
  received = excluded.received
WHERE excluded.happened >= entities.happened
"""
_TOLD: Final = """
SELECT EXISTS (
  SELECT 1 FROM entities WHERE environment = ? AND entity = ? AND status = ?
) OR EXISTS (
  SELECT 1 FROM events WHERE environment = ? AND entity = ? AND status = ? AND seq > ?
)
"""


def note(
    connection: sqlite3.Connection, environment: str, event: Mapping[str, Any]
) -> None:
    """Note what an event says; one that is late does not undo what came after it.

    Args:
        connection: Inside a transaction.
        environment: Of the event.
        event: `event_type`, `entity`, `status`, `received`, and `happened` or None.
    """
    if not event["entity"] or not event["status"]:
        return
    received, happened = event["received"], event.get("happened")
    connection.execute(
        _NOTE,
        (
            environment,
            event["entity"],
            event["event_type"].partition(".")[0],
            event["status"],
            received if happened is None else happened,
            received,
        ),
    )


def told(
    connection: sqlite3.Connection, environment: str, event: Mapping[str, Any], seq: int
) -> bool:
    """Return whether an event after `seq` told what this one says, or the last did.

    Args:
        connection: Inside a transaction.
        environment: Of the event.
        event: `entity` and `status`.
        seq: Of the newest event that is known to tell nothing of it.
    """
    named = environment, event["entity"], event["status"]
    found = connection.execute(_TOLD, (*named, *named, seq)).fetchone()
    return bool(found[0])


def last(
    connection: sqlite3.Connection, environment: str
) -> Mapping[str, tuple[str, str]]:
    """Return kind and status of each entity's last event, by its id."""
    found = connection.execute(
        "SELECT entity, kind, status FROM entities WHERE environment = ?",
        (environment,),
    )
    return {entity: (kind, status) for entity, kind, status in found}


def tidy(
    connection: sqlite3.Connection, environment: str, now: float, most: int
) -> int:
    """Forget some of those that nothing was heard of for long; return how many.

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
