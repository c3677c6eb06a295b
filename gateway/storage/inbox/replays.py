"""Steps of a replay, each a short transaction that begins where the last one ended."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.inbox.replay import STEP, ReplayStep, Selection

_BY_ID: Final = """
SELECT seq, event_type, entity FROM events WHERE environment = ? AND webhook_id = ?
"""
# In the order of an index, so that a step reads no more than it takes.
_SINCE: Final = """
SELECT seq, event_type, entity, environment, received FROM events
WHERE received >= :received AND (received > :received OR seq > :seq)
AND seq <= :newest ORDER BY received, seq LIMIT :most
"""
_DEAD: Final = """
SELECT deliveries.seq, deliveries.entity, received
FROM deliveries CROSS JOIN events USING (seq)
WHERE deliveries.environment = :environment AND state = 'dead'
AND state <> 'delivered' AND subscriber = :subscriber AND deliveries.seq > :seq
ORDER BY deliveries.seq LIMIT :most
"""
_AGAIN: Final = """
INSERT INTO deliveries (seq, environment, subscriber, state, due, entity)
VALUES (:seq, :environment, :subscriber, 'pending', :now, :entity)
ON CONFLICT (seq, subscriber) DO UPDATE
SET state = 'pending', due = :now, wait = 0, tries = 0, owner = '', settled = NULL
WHERE state <> 'delivering'
"""
Row = tuple[int, str, str]  # seq, subscriber, entity


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place where the next step begins."""

    newest: int  # last seq at the start; later arrivals need no replay
    seq: int = 0
    received: float = 0.0  # Unix, s
    name: int = 0  # index of the subscriber


@dataclass(frozen=True, slots=True)
class Replay:
    """One replay."""

    selection: Selection
    wanting: Callable[[str], Sequence[str]]
    environment: str
    known: Sequence[str]  # the configured subscribers
    now: float  # Unix, s

    def step(self, connection: sqlite3.Connection, after: Cursor | None) -> ReplayStep:
        """Make some deliveries due; one that is under way is left as it is."""
        if self.selection.webhook_id is not None:
            found, examined, following = self._by_id(connection)
        else:
            cursor = self._first(connection) if after is None else after
            choose = self._dead if self.selection.dead else self._since
            found, examined, following = choose(connection, cursor)
        rows = [
            {
                "seq": seq,
                "environment": self.environment,
                "subscriber": name,
                "entity": entity,
                "now": self.now,
            }
            for seq, name, entity in found
            if self.selection.subscriber in {None, name}
        ]
        count = connection.executemany(_AGAIN, rows).rowcount if rows else 0
        return ReplayStep(examined, count, following)

    def _first(self, connection: sqlite3.Connection) -> Cursor:
        (newest,) = connection.execute("SELECT max(seq) FROM events").fetchone()
        return Cursor(newest or 0, received=self.selection.since or 0.0)

    def _by_id(
        self, connection: sqlite3.Connection
    ) -> tuple[list[Row], int, Cursor | None]:
        asked = self.environment, self.selection.webhook_id
        found = connection.execute(_BY_ID, asked).fetchall()
        rows = [
            (seq, name, entity)
            for seq, event_type, entity in found
            for name in self.wanting(event_type)
        ]
        return rows, len(found), None

    def _since(
        self, connection: sqlite3.Connection, cursor: Cursor
    ) -> tuple[list[Row], int, Cursor | None]:
        most = max(1, STEP // max(1, len(self.known)))
        asked: dict[str, Any] = {
            "received": cursor.received,
            "seq": cursor.seq,
            "newest": cursor.newest,
            "most": most,
        }
        found = connection.execute(_SINCE, asked).fetchall()
        rows = [
            (seq, name, entity)
            for seq, event_type, entity, environment, _ in found
            if environment == self.environment
            for name in self.wanting(event_type)
        ]
        if len(found) < most:
            return rows, len(found), None
        seq, *_, received = found[-1]
        return rows, len(found), replace(cursor, seq=seq, received=received)

    def _dead(
        self, connection: sqlite3.Connection, cursor: Cursor
    ) -> tuple[list[Row], int, Cursor | None]:
        if cursor.name >= len(self.known):
            return [], 0, None
        name = self.known[cursor.name]
        asked: dict[str, Any] = {
            "environment": self.environment,
            "subscriber": name,
            "seq": cursor.seq,
            "most": STEP,
        }
        found = connection.execute(_DEAD, asked).fetchall()
        since = self.selection.since or 0.0
        rows = [(seq, name, entity) for seq, entity, at in found if at >= since]
        if len(found) < STEP:
            following = replace(cursor, name=cursor.name + 1, seq=0)
        else:
            following = replace(cursor, seq=found[-1][0])
        return rows, len(found), following
