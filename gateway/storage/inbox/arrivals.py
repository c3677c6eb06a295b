"""Writes the rows of arrivals."""

import sqlite3
from hashlib import sha256
from typing import Final

from gateway.inbox.policy import repeats
from gateway.inbox.ports import Arrival, StoreResult

ARRIVAL: Final = (
    "webhook_id, event_type, entity, status, received, body, content_type, "
    "content_encoding, timestamp, signature, synthetic"
)
_INSERT: Final = f"""
INSERT INTO events (environment, endpoint, digest, {ARRIVAL})
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (environment, endpoint, webhook_id) DO NOTHING
"""  # noqa: S608 - our own names
_KNOWN: Final = """
SELECT digest = ?, body FROM events
WHERE environment = ? AND endpoint = ? AND webhook_id = ?
"""


def insert(
    connection: sqlite3.Connection, scope: tuple[str, str], arrival: Arrival
) -> tuple[StoreResult, int]:
    """Insert an arrival if its id is new.

    Args:
        connection: Inside a transaction.
        scope: Environment and endpoint, inside which ids are unique.
        arrival: What came in, or was made.

    Returns:
        `accepted` and its seq; or 0 with `duplicate` (the same event again), or
        `conflict` (the same id with another body: the first one is kept).
    """
    digest = sha256(arrival.body).digest()
    done = connection.execute(_INSERT, (*scope, digest, *_values(arrival)))
    if done.rowcount == 1:
        return "accepted", done.lastrowid or 0
    where = (digest, *scope, arrival.webhook_id)
    same, body = connection.execute(_KNOWN, where).fetchone()
    again = same or repeats(body, arrival.body)
    return ("duplicate" if again else "conflict"), 0


def _values(arrival: Arrival) -> tuple[object, ...]:
    return (
        arrival.webhook_id,
        arrival.event_type,
        arrival.entity,
        arrival.status,
        arrival.received,
        arrival.body,
        arrival.content_type,
        arrival.content_encoding,
        arrival.timestamp,
        arrival.signature,
        int(arrival.synthetic),
    )
