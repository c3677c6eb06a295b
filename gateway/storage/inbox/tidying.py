"""Steps in which what nobody waits for is removed, and its room given back.

Each is a short transaction: what Dinie sends waits for no longer than one of them.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from gateway.storage.inbox import entities

DEAD_KEPT: Final = 2_592_000.0  # s; 30 days in which a dead letter can be replayed
_LOOKED_AT: Final = 1000  # events in a step, of which most may have to stay
_REMOVED: Final = 200  # events in a step
_PAGES: Final = 500  # given back to the disk in a step
# By the index of moments, from where the last step ended: with a million that must
# stay, those must not be looked at each time.
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
class Tidied:
    """What a step did."""

    removed: int
    freed: int  # pages
    place: Place | None  # None: it has come to the end

    @property
    def changed(self) -> bool:
        """Whether it removed something, or gave room back."""
        return bool(self.removed or self.freed)

    @property
    def is_all(self) -> bool:
        """Whether there is nothing more to do."""
        return self.place is None and self.freed < _PAGES


@dataclass(frozen=True, slots=True)
class Tidying:
    """What may be removed."""

    environment: str
    known: str  # the subscribers of the configuration, a JSON list
    keep: float  # s for which an id is known
    now: float  # Unix, s

    def step(self, connection: sqlite3.Connection, place: Place | None) -> Tidied:
        """Remove some of what nobody waits for any more, and give some room back.

        Args:
            connection: Inside a transaction.
            place: Where the last step ended; None: at the end, there is only room to
                be given back.
        """
        if place is None:
            return Tidied(0, _shrink(connection), None)
        removed, place = self._remove(connection, place)
        return Tidied(removed, _shrink(connection), place)

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
            "most": _LOOKED_AT,
        }
        removed = looked_at = 0
        for seq, received, goes in connection.execute(_OLD, asked).fetchall():
            if removed >= _REMOVED:
                break
            if goes:
                connection.execute("DELETE FROM events WHERE seq = ?", (seq,))
                removed += 1
            looked_at += 1
            place = Place(received, seq)
        forgotten = entities.tidy(connection, self.environment, self.now, _REMOVED)
        ended = looked_at < _LOOKED_AT and removed < _REMOVED and not forgotten
        return removed + forgotten, None if ended else place


def _shrink(connection: sqlite3.Connection) -> int:
    """Give some free pages back to the disk; return how many."""
    free: int
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    pages = min(free, _PAGES)
    for _ in range(pages):
        # One page for each call: the module steps a pragma without rows once.
        connection.execute("PRAGMA incremental_vacuum(1)")
    return pages
