"""Delivers arrivals to subscribers, over a queue for each: none waits for another.

An arrival is leased in the transaction that stores it, where its subscriber has a place
and nothing waits before it: such a delivery begins without a read of the store.

Source: docs/adr/0010-inbox.md.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from gateway.core.clock import Clock
from gateway.inbox.attempt import DeliveryAttempts, Fields
from gateway.inbox.delivery_queue import STORE_RETRY, DeliveryQueue
from gateway.inbox.options import InboxOptions
from gateway.inbox.ports import (
    Arrival,
    InboxStore,
    Observer,
    StoredArrival,
    SubscriberClient,
)


class Dispatcher:
    """All queues of one gateway. Implements `ArrivalStore`."""

    def __init__(
        self,
        store: InboxStore,
        client: SubscriberClient,
        options: InboxOptions,
        *,
        fields: Fields,
        clock: Clock,
        random: Callable[[], float],
        observer: Observer,
        on_event: Callable[..., Any],
    ) -> None:
        """Build a queue for each subscriber.

        Args:
            store: Holds the deliveries.
            client: Sends to subscribers.
            options: The subscribers and their schedule.
            fields: Returns the secrets in force, to sign with.
            clock: Real or fake.
            random: Returns from [0, 1).
            observer: Counts attempts.
            on_event: Takes an event's name and safe fields, for the log.
        """
        self._store = store
        self._clock = clock
        self._queues: dict[str, DeliveryQueue] = {}
        for one in options.subscribers:
            attempts = DeliveryAttempts(
                one,
                client,
                schedule=options.schedule,
                tolerance=options.tolerance,
                fields=fields,
                clock=clock,
                random=random,
                observer=observer,
                on_event=on_event,
            )
            self._queues[one.name] = DeliveryQueue(
                one, store, attempts, clock=clock, on_event=on_event
            )

    async def run(self) -> None:
        """Deliver for as long as the gateway runs."""
        async with asyncio.TaskGroup() as tasks:
            for queue in self._queues.values():
                tasks.create_task(queue.run())
            tasks.create_task(self._follow_others())

    async def _follow_others(self) -> None:
        """Wake the queues after another process has written the store."""
        seen = self._store.changes_of_others
        while True:
            await self._clock.sleep(STORE_RETRY)
            if self._store.changes_of_others != seen:
                seen = self._store.changes_of_others
                self.wake()

    def wake(self) -> None:
        """Have every queue read the store, which something else has changed."""
        for queue in self._queues.values():
            queue.wake()

    async def add(self, arrival: Arrival, subscribers: Sequence[str]) -> StoredArrival:
        """Store an arrival, and have it delivered, if its id is new.

        Raises:
            StoreUnavailable: it is not on disk.
        """
        reserved = [name for name in subscribers if self._queues[name].reserve()]
        stored: StoredArrival | None = None
        try:
            stored = await self._store.add(arrival, subscribers, leased=reserved)
        finally:
            leased = {} if stored is None else stored.leased
            for name in reserved:
                self._queues[name].begin_reserved(leased.get(name))
        if stored.result == "accepted":
            for name in subscribers:
                if name not in leased:
                    self._queues[name].look()
        return stored

    def stop(self) -> None:
        """Begin no further attempt; those under way are finished."""
        for queue in self._queues.values():
            queue.stopping = True

    @property
    def under_way(self) -> int:
        """Return how many deliveries are leased and not settled."""
        return sum(queue.under_way for queue in self._queues.values())
