"""Finds the deliveries of a subscriber that are due, and leases them.

Source: docs/adr/0010-inbox.md.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.inbox.ports import Arrival, Delivery
from gateway.storage.inbox.arrivals import ARRIVAL

_DUE: Final = """
SELECT seq{columns} FROM deliveries AS one
WHERE environment = :environment AND subscriber = :subscriber
AND state IN ('pending', 'delivering') AND due <= :now
AND NOT EXISTS (
  SELECT 1 FROM disabled WHERE environment IN ('', :environment)
  AND subscriber = :subscriber AND target IN ('', :target)
)
"""
_IN_ORDER: Final = """
AND (entity = '' OR NOT EXISTS (
  SELECT 1 FROM deliveries AS earlier
  WHERE earlier.environment = one.environment
  AND earlier.subscriber = one.subscriber AND earlier.entity = one.entity
  AND earlier.seq < one.seq AND earlier.state IN ('pending', 'delivering')
))
AND (entity = '' OR NOT EXISTS (
  SELECT 1 FROM deliveries AS later INDEXED BY deliveries_kept
  WHERE later.environment = one.environment
  AND later.state = 'delivering' AND later.state <> 'delivered'
  AND later.subscriber = one.subscriber AND later.seq > one.seq
  AND later.entity = one.entity AND later.due > :now
))
"""  # a replay repeats an earlier one while a later one may be leased
_THE_ONE: Final = " AND seq = :seq"
_SOONEST: Final = "ORDER BY due LIMIT :most"
# From a bounded number, however many wait: the longest due, and the latest.
_ANY: Final = """
SELECT seq FROM (SELECT * FROM ({first}) UNION SELECT * FROM ({last}))
ORDER BY tries > 0, random() LIMIT :most
"""
_AMONG: Final = 64
_NEXT: Final = """
SELECT min(due) FROM deliveries
WHERE environment = ? AND subscriber = ? AND state IN ('pending', 'delivering')
AND due > ?
"""
_CLAIM: Final = """
UPDATE deliveries SET state = 'delivering', due = ?, wait = ?, owner = ?
WHERE seq = ? AND subscriber = ?
"""
_CLAIMED: Final = f"""
SELECT deliveries.seq, deliveries.tries, {
    ", ".join(f"events.{name}" for name in ARRIVAL.split(", "))
}
FROM deliveries JOIN events USING (seq)
WHERE deliveries.seq = ? AND deliveries.subscriber = ?
"""  # noqa: S608 - our own names


@dataclass(frozen=True, slots=True)
class Lease:
    """The owner of a delivery, for an attempt."""

    owner: str
    until: float  # Unix, s
    span: float  # s


def due(
    connection: sqlite3.Connection,
    asked: Mapping[str, object],
    *,
    ordered: bool,
    fresh: bool,
) -> list[int]:
    """Return the seqs of what is due, the longest due first.

    Args:
        connection: To read from.
        asked: `subscriber`, `target`, `environment`, `now` and `most`.
        ordered: One at a time for each entity.
        fresh: In random order, those without an attempt first.
    """
    order = _IN_ORDER if ordered else ""
    query = _DUE.format(columns="") + order + _SOONEST
    if fresh:
        some = _DUE.format(columns=", tries") + order
        first = f"{some} ORDER BY due LIMIT {_AMONG}"
        # From the end, an ordered search would read all that is not in turn.
        last = first if ordered else f"{some} ORDER BY due DESC LIMIT {_AMONG}"
        query = _ANY.format(first=first, last=last)
    return [seq for (seq,) in connection.execute(query, asked)]


def still_due(
    connection: sqlite3.Connection, asked: Mapping[str, object], seqs: Sequence[int]
) -> list[int]:
    """Return which of these are due and in turn.

    Args:
        connection: Inside a transaction.
        asked: As `due`.
        seqs: Of the events.
    """
    query = _DUE.format(columns="") + _IN_ORDER + _THE_ONE
    return [
        seq
        for seq in seqs
        if connection.execute(query, {**asked, "seq": seq}).fetchone()
    ]


def lease(
    connection: sqlite3.Connection, subscriber: str, seqs: Sequence[int], of: Lease
) -> list[Delivery]:
    """Lease deliveries; return them with their arrivals.

    Args:
        connection: Inside a transaction.
        subscriber: Its name.
        seqs: Of the events.
        of: The lease.
    """
    connection.executemany(
        _CLAIM, [(of.until, of.span, of.owner, seq, subscriber) for seq in seqs]
    )
    return [
        _delivery(connection.execute(_CLAIMED, (seq, subscriber)).fetchone(), of.until)
        for seq in seqs
    ]


def next_due(
    connection: sqlite3.Connection, environment: str, subscriber: str, *, now: float
) -> float | None:
    """Return the earliest due time after `now`, Unix, s; None: there is none.

    Args:
        connection: To read from.
        environment: Of the deliveries.
        subscriber: Its name.
        now: Unix, s.
    """
    asked = environment, subscriber, now
    found: tuple[float | None] = connection.execute(_NEXT, asked).fetchone()
    return found[0]


def _delivery(row: tuple[Any, ...], until: float) -> Delivery:
    seq, attempts, *rest = row
    arrival = Arrival(*rest)
    return Delivery(
        seq, attempts, replace(arrival, synthetic=bool(arrival.synthetic)), until
    )
