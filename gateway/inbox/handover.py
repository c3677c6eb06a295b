"""Hands what arrives to its subscribers as it is stored.

An arrival is leased in the transaction that keeps it, where its subscriber has a place
and nothing waits before it: the store is not asked for what is at hand.
"""

from collections.abc import Sequence
from typing import Protocol

from gateway.inbox.ports import Arrival, InboxStore, Kept, Stored


class Lanes(Protocol):
    """The lanes of all subscribers; see `Dispatcher`."""

    def reserve(self, names: Sequence[str]) -> list[str]:
        """Reserve a place for what is about to be stored, where nothing waits."""

    def hand(
        self, names: Sequence[str], reserved: Sequence[str], kept: Kept | None
    ) -> None:
        """Deliver what was stored."""


class Handover:
    """Implements `ArrivalStore`."""

    def __init__(self, store: InboxStore, lanes: Lanes) -> None:
        """Take the store, and those who deliver."""
        self._store = store
        self._lanes = lanes

    async def add(self, arrival: Arrival, subscribers: Sequence[str]) -> Stored:
        """Keep an arrival, and have it delivered, if its id is new.

        Raises:
            StoreUnavailable: it is not on disk.
        """
        reserved = self._lanes.reserve(subscribers)
        kept: Kept | None = None
        try:
            kept = await self._store.keep(arrival, subscribers, leased=reserved)
        finally:
            self._lanes.hand(subscribers, reserved, kept)
        return kept.stored
