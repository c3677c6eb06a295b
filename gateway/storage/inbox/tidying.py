"""Removes what is no longer needed, and returns its space to the disk, in steps.

Each step is a short transaction, so that an arrival waits for no longer than one.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from gateway.inbox.maintenance import Tidied
from gateway.storage.inbox import entities

DEAD_KEPT: Final = 2_592_000.0  # s; 30 days in which a dead letter can be replayed
_EXAMINED: Final = 1000  # events in a step, of which most may have to stay
_REMOVED: Final = 200  # events in a step
_PAGES: Final = 500  # returned to the disk in a step
# By the index of `received`, from where the last step ended: a million events that must
# stay are not examined each time.
_OLD: Final = """
SELECT seq, received, environment = :environment AND NOT EXISTS (
  SELECT 1 FROM deliveries WHERE deliveries.seq = events.seq AND (
    (state IN ('pending', 'delivering') AND (
      received > :dead_before OR subscriber IN (SELECT value FROM json_each(:known))
    )) OR (state = 'dead' AND settled > :dead_before)
  )
) FROM events INDEXED BY events_received
WHERE received >= :received AND received < :before
AND (received > :received OR seq > :seq)
ORDER BY received, seq LIMIT :most
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next step begins."""

    received: float = float("-inf")  # Unix, s
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Tidying:
    """One round of tidying."""

    environment: str
    known: str  # the configured subscribers, a JSON list
    keep: float  # s for which events are kept
    now: float  # Unix, s

    def step(
        self, connection: sqlite3.Connection, place: Place | None
    ) -> tuple[Tidied, Place | None]:
        """Remove some of what is no longer needed, and free some space.

        Args:
            connection: Inside a transaction.
            place: Where the last step ended; None: there is only space to be freed.

        Returns:
            The result, and where the next step begins.
        """
        removed = 0
        if place is not None:
            removed, place = self._remove(connection, place)
        freed = _shrink(connection)
        finished = place is None and freed < _PAGES
        return Tidied(removed, freed, finished), place

    def _remove(
        self, connection: sqlite3.Connection, place: Place
    ) -> tuple[int, Place | None]:
        asked: dict[str, Any] = {
            "environment": self.environment,
            "known": self.known,
            "before": self.now - self.keep,
            "dead_before": self.now - DEAD_KEPT,
            "received": place.received,
            "seq": place.seq,
            "most": _EXAMINED,
        }
        removed = examined = 0
        for seq, received, goes in connection.execute(_OLD, asked).fetchall():
            if removed >= _REMOVED:
                break
            if goes:
                connection.execute("DELETE FROM events WHERE seq = ?", (seq,))
                removed += 1
            examined += 1
            place = Place(received, seq)
        forgotten = entities.tidy(connection, self.environment, self.now, _REMOVED)
        ended = examined < _EXAMINED and removed < _REMOVED and not forgotten
        return removed + forgotten, None if ended else place


def _shrink(connection: sqlite3.Connection) -> int:
    """Return some free pages to the disk; return how many."""
    free: int
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    pages = min(free, _PAGES)
    for _ in range(pages):
        # One page for each call: sqlite3 steps a pragma without rows once.
        connection.execute("PRAGMA incremental_vacuum(1)")
    return pages
