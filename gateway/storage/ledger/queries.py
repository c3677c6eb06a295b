"""Jobs of the database on the table `ledger`.

Source: docs/adr/0011-ledger.md.
"""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Final, NamedTuple, TypeVar

from gateway.storage.ledger.intent_log import Row

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

KEPT: Final = 604_800.0  # s; 7 days
MOST: Final = 512  # rows of one statement
_DROPPED: Final = 60.0  # s
_STEP: Final = 1000  # rows tidied at a time
# Many rows in one statement: each statement releases the interpreter. A dropped key is
# recorded as new, and so is one that comes again after its record has expired.
_WRITE: Final = """
INSERT INTO ledger (environment, key, fingerprint, route, request_id, state, created,
  changed, status, minted, upstream)
VALUES {rows}
ON CONFLICT (environment, key) DO UPDATE
SET state = excluded.state, changed = excluded.changed, status = excluded.status,
  route = iif(excluded.route = '', route, excluded.route),
  request_id = iif(excluded.request_id = '', request_id, excluded.request_id),
  upstream = iif(excluded.upstream = '', upstream, excluded.upstream),
  fingerprint = iif(fingerprint = '' OR state = 'dropped'
    OR excluded.created > created + 604800, excluded.fingerprint, fingerprint),
  created = iif(state = 'dropped' OR excluded.created > created + 604800,
    excluded.created, created)
"""
_ROW: Final = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_COLUMNS: Final = "SELECT key, fingerprint, created, state, upstream FROM ledger "
_LIVES: Final = "WHERE environment = ? AND state IN ('in_flight', 'answered') "


class LedgerRow(NamedTuple):
    """The record of a key."""

    key: str
    fingerprint: str  # hex; empty where it was not computed
    created: float  # Unix, s
    state: str
    upstream: str  # the key that Dinie got; empty: the one it would get now


@dataclass(frozen=True, slots=True)
class UnknownPost:
    """A POST whose outcome is unknown."""

    key: str
    route: str
    request_id: str
    created: float  # Unix, s


@cache
def _statement(rows: int) -> str:
    return _WRITE.format(rows=", ".join([_ROW] * rows))


def upsert(rows: list[Row]) -> Job[object]:
    """Return a job that writes at most `MOST` rows, in order."""
    statement, values = _statement(len(rows)), list(chain.from_iterable(rows))
    return lambda connection: connection.execute(statement, values)


def mark_unknown(environment: str) -> Job[int]:
    """Return a job that marks what is under way as unknown; its result: how many."""
    return lambda connection: (
        connection.execute(
            "UPDATE ledger SET state = 'unknown' "
            "WHERE environment = ? AND state = 'in_flight'",
            (environment,),
        ).rowcount
    )


def newest(environment: str, *, most: int) -> Job[list[LedgerRow]]:
    """Return a job that reads the newest records, the oldest of them first.

    Those with an unknown outcome are all included; `most` limits the others.
    """

    def job(connection: sqlite3.Connection) -> list[LedgerRow]:
        open_ones = connection.execute(
            _COLUMNS + "WHERE environment = ? AND state = 'unknown' ORDER BY created",
            (environment,),
        ).fetchall()
        settled = connection.execute(
            _COLUMNS + _LIVES + "ORDER BY created DESC LIMIT ?",
            (environment, max(0, most - len(open_ones))),
        ).fetchall()
        return [LedgerRow(*row) for row in chain(open_ones, reversed(settled))]

    return job


def find(environment: str, key: str, *, since: float) -> Job[LedgerRow | None]:
    """Return a job that reads the record of one key.

    Args:
        environment: Of the key.
        key: As the caller sees it.
        since: Unix, s; older records are left out.
    """

    def job(connection: sqlite3.Connection) -> LedgerRow | None:
        row = connection.execute(
            _COLUMNS + "WHERE environment = ? AND key = ? AND created > ? "
            "AND state <> 'dropped'",
            (environment, key, since),
        ).fetchone()
        return None if row is None else LedgerRow(*row)

    return job


def unfolded(rows: Iterable[Row], environment: str, key: str) -> LedgerRow | None:
    """Return the record of a key from rows that are not in the table yet. Pure.

    Args:
        rows: In the order in which they were appended.
        environment: Of the key.
        key: As the caller sees it.
    """
    found: LedgerRow | None = None
    for where, name, fingerprint, _, _, state, created, *_, upstream in rows:
        if (where, name) == (environment, key):
            first = created if found is None else found.created
            found = LedgerRow(key, fingerprint, first, state, upstream)
    return None if found is None or found.state == "dropped" else found


def unknown(environment: str) -> Job[list[UnknownPost]]:
    """Return a job that reads the POSTs whose outcome is unknown, oldest first."""
    return lambda connection: [
        UnknownPost(*row)
        for row in connection.execute(
            "SELECT key, route, request_id, created FROM ledger "
            "WHERE environment = ? AND state = 'unknown' ORDER BY created",
            (environment,),
        )
    ]


def under_way(environment: str, *, before: float) -> Job[list[UnknownPost]]:
    """Return a job that reads the POSTs under way since before a moment, Unix, s."""
    return lambda connection: [
        UnknownPost(*row)
        for row in connection.execute(
            "SELECT key, route, request_id, created FROM ledger "
            "WHERE environment = ? AND state = 'in_flight' AND changed < ?",
            (environment, before),
        )
    ]


def resolve(environment: str, key: str, *, now: float) -> Job[bool]:
    """Return a job that settles an outcome; its result: whether it was unknown.

    Args:
        environment: Of the key.
        key: As the caller sees it.
        now: Unix, s.
    """
    return lambda connection: (
        connection.execute(
            "UPDATE ledger SET state = 'answered', changed = ? "
            "WHERE environment = ? AND key = ? AND state = 'unknown'",
            (now, environment, key),
        ).rowcount
        > 0
    )


def remove_old(environment: str, *, now: float, confirmed: float) -> Job[bool]:
    """Return a job that removes some old rows; its result: whether more may be old.

    Args:
        environment: Of the rows.
        now: Unix, s; dropped keys are removed by it, since they are of no use.
        confirmed: Unix, s; all others are removed by it, which cannot be undone.
    """
    return lambda connection: (
        connection.execute(
            "DELETE FROM ledger WHERE (environment, key) IN ("
            "SELECT environment, key FROM ledger "
            "WHERE environment = ? AND state <> 'in_flight' "
            "AND changed < iif(state = 'dropped', ?, ?) LIMIT ?)",
            (environment, now - _DROPPED, confirmed - KEPT, _STEP),
        ).rowcount
        >= _STEP
    )
