"""Keeps the records of idempotency keys in memory, bounded by number and age."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from gateway.core.clock import Instant
from gateway.idempotency.ports import Record

LIFE: Final = 604_800.0  # s; longer than Dinie, which keeps a key for a day
CAPACITY: Final = 100_000  # records
_CONSIDERED: Final = 64  # oldest records that are considered for one eviction


class MemoryRecords:
    """A bounded store of records; the oldest with a known outcome is evicted first.

    No cache of cachetools fits: a record in flight or of an unknown outcome must
    outlive its turn, since a repeat without it could be a second loan.
    Source: `docs/adr/0011-ledger.md`.
    """

    def __init__(
        self,
        *,
        on_evicted: Callable[[], None],
        capacity: int = CAPACITY,
        life: float = LIFE,
    ) -> None:
        """Start empty.

        Args:
            on_evicted: Called for each record that is dropped for want of room.
            capacity: Records.
            life: s that a record is kept.
        """
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._on_evicted = on_evicted
        self.capacity = capacity
        self.whole = (
            False  # whether it holds all that the ledger knows of the last week
        )
        self._life = life

    def __len__(self) -> int:
        return len(self._records)

    def get(self, key: str, *, now: Instant) -> Record | None:
        """Return a key's record while it lives."""
        record = self._records.get(key)
        if record is None or self._alive(record, now):
            return record
        del self._records[key]
        return None

    def put(self, key: str, record: Record, *, now: Instant) -> None:
        """Keep a record; make room among the oldest that have a known outcome.

        Args:
            key: The name of the record.
            record: Of the key.
            now: On both clocks.
        """
        self._records.pop(key, None)
        self._expire(now)
        if len(self._records) >= self.capacity:
            self._evict()
        self._records[key] = record

    def forget(self, key: str) -> None:
        """Drop a record."""
        self._records.pop(key, None)

    def _alive(self, record: Record, now: Instant) -> bool:
        if record.outcome == "in_flight" or now.monotonic < record.kept_until:
            return True
        # Dropped only when both clocks agree: without its record, a key is sent again.
        return now.shortest_since(record.created_at) < self._life

    def _expire(self, now: Instant) -> None:
        while self._records:
            key, record = next(iter(self._records.items()))
            if self._alive(record, now):
                return
            del self._records[key]

    def _evict(self) -> None:
        for _ in range(min(_CONSIDERED, len(self._records))):
            key, record = next(iter(self._records.items()))
            if record.outcome != "answered":
                # To the back: at the front it would hide those that may be dropped.
                self._records.move_to_end(key)
                continue
            del self._records[key]
            self.whole = False
            self._on_evicted()
            if len(self._records) < self.capacity:
                return
