"""Looks up what is known of a key: in memory first, then in the ledger."""

from collections.abc import Callable

from gateway.core.clock import Instant
from gateway.idempotency.memory import MemoryRecords
from gateway.idempotency.ports import Ledger


class Lookup:
    """Finds records where memory may not hold all that is known."""

    def __init__(
        self, records: MemoryRecords, clock: Callable[[], Instant], ledger: Ledger
    ) -> None:
        """Prepare it.

        Args:
            records: In memory.
            clock: Returns the present moment.
            ledger: Knows what memory has no room for.
        """
        self._records = records
        self._clock = clock
        self._ledger = ledger

    async def known_as(self, names: tuple[str, ...]) -> str:
        """Return the first of a key's names that has a record, or else its first."""
        for name in names:
            await self._recall(name)
            if self._records.get(name, now=self._clock()) is not None:
                return name
        return names[0]

    async def _recall(self, name: str) -> None:
        records = self._records
        if records.whole or records.get(name, now=self._clock()) is not None:
            return
        known = await self._ledger.recall(name)
        # Meanwhile another request may have begun with it.
        if known is not None and records.get(name, now=self._clock()) is None:
            records.put(name, known, now=self._clock())
