"""Brings deliveries to subscribers: a lane for each, so that none waits for another."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from gateway.core.clock import Clock
from gateway.inbox.attempt import Attempts, Fields
from gateway.inbox.lane import LOOK, Lane
from gateway.inbox.options import InboxOptions
from gateway.inbox.ports import Carrier, InboxStore, Kept, Observer


class Dispatcher:
    """All lanes of one gateway."""

    def __init__(
        self,
        store: InboxStore,
        carrier: Carrier,
        options: InboxOptions,
        *,
        fields: Fields,
        clock: Clock,
        random: Callable[[], float],
        observer: Observer,
        on_event: Callable[..., Any],
    ) -> None:
        """Wire the lanes.

        Args:
            store: Where deliveries are kept.
            carrier: The way to subscribers.
            options: Subscribers and their schedule.
            fields: Returns the secrets in force, to sign with.
            clock: Real or fake.
            random: Returns from [0, 1).
            observer: Counts tries.
            on_event: Takes an event's name and safe fields, for the log.
        """
        self._store = store
        self._clock = clock
        self._lanes: dict[str, Lane] = {}
        for one in options.subscribers:
            attempts = Attempts(
                one,
                carrier,
                schedule=options.schedule,
                tolerance=options.tolerance,
                fields=fields,
                clock=clock,
                random=random,
                observer=observer,
                on_event=on_event,
            )
            self._lanes[one.name] = Lane(
                one, store, attempts, clock=clock, on_event=on_event
            )

    async def run(self) -> None:
        """Deliver for as long as the gateway runs."""
        async with asyncio.TaskGroup() as tasks:
            for lane in self._lanes.values():
                tasks.create_task(lane.run())
            tasks.create_task(self._follow_others())

    async def _follow_others(self) -> None:
        """Look for what other processes have due, after they wrote something."""
        seen = self._store.changes_of_others
        while True:
            await self._clock.sleep(LOOK)
            if self._store.changes_of_others != seen:
                seen = self._store.changes_of_others
                self.wake()

    def wake(self) -> None:
        """Look into the store now: somebody has changed something there."""
        for lane in self._lanes.values():
            lane.wake()

    def reserve(self, names: Sequence[str]) -> list[str]:
        """Reserve a place for what is about to be stored, where nothing waits."""
        return [name for name in names if self._lanes[name].reserve()]

    def hand(
        self, names: Sequence[str], reserved: Sequence[str], kept: Kept | None
    ) -> None:
        """Deliver what was stored.

        Args:
            names: Whose it is.
            reserved: Those with a place for it.
            kept: What became of it; None: it was not stored.
        """
        handed = {} if kept is None else kept.handed
        for name in reserved:
            self._lanes[name].hand(handed.get(name))
        if kept is not None and kept.stored == "accepted":
            for name in names:
                if name not in handed:
                    self._lanes[name].arrived()

    def stop(self) -> None:
        """Begin no further try; those under way are finished."""
        for lane in self._lanes.values():
            lane.stopping = True

    @property
    def under_way(self) -> int:
        """Return how many tries are under way."""
        return sum(lane.under_way for lane in self._lanes.values())
