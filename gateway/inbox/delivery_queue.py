"""The queue of one subscriber: leases what can be attempted now, and no more.

A queue reads the store when something is due there: after something was stored, after
an attempt ended, or at the due time that the store named last. An arrival that comes
while nothing else waits is leased as it is stored (`Dispatcher.add`), without a read.

Source: docs/adr/0010-inbox.md.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from gateway.core.clock import Clock
from gateway.inbox.attempt import DeliveryAttempts
from gateway.inbox.options import SubscriberOptions
from gateway.inbox.ports import Delivery, InboxStore, Settlement, StoreUnavailable

_CONCURRENT: Final = 8  # attempts of one subscriber
_UNSETTLED: Final = 64  # deliveries whose outcome is not stored yet
STORE_RETRY: Final = 1.0  # s until a store that does not respond is asked again
_LONGEST: Final = 30.0  # s between reads, whatever is known: clocks are set


class DeliveryQueue:
    """The deliveries to one subscriber."""

    def __init__(
        self,
        subscriber: SubscriberOptions,
        store: InboxStore,
        attempts: DeliveryAttempts,
        *,
        clock: Clock,
        on_event: Callable[..., Any],
    ) -> None:
        """Create a queue that does not run yet.

        Args:
            subscriber: The receiver.
            store: Holds the deliveries.
            attempts: Makes the attempts.
            clock: Real or fake.
            on_event: Takes an event's name and safe fields, for the log.
        """
        self._subscriber = subscriber
        self._store = store
        self._attempts = attempts
        self._clock = clock
        self._on_event = on_event
        self._more = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._places = 0  # taken, by attempts under way or by reservations
        self._leased: set[int] = set()  # seqs that are not settled
        self._waiting = True  # something may be due in the store
        self._next: float | None = None  # Unix, s; next due time in the store
        self._next_known = False
        self._settled = 0  # count; a due time read before a settlement is outdated
        self._logged = ""  # the trouble that was logged last
        self.stopping = False

    @property
    def under_way(self) -> int:
        """Return how many deliveries are leased and not settled."""
        return len(self._leased)

    def wake(self) -> None:
        """Read the store, which something else has changed."""
        self._next_known = False
        self.look()

    def look(self) -> None:
        """Read the store: there is something new that is due."""
        self._waiting = True
        self._more.set()

    def reserve(self) -> bool:
        """Reserve a place for what is about to be stored; False: it waits in the store.

        What waits already comes first, and only the store knows the order of entities.
        """
        ready = not (self.stopping or self._waiting or self._attempts.gone)
        if not ready or self._subscriber.ordered or self._tasks is None:
            return False
        if self._room() <= 0 or self._attempts.probing or self._attempts.lacks_key:
            return False
        self._places += 1
        return True

    def begin_reserved(self, delivery: Delivery | None) -> None:
        """Attempt what a place was reserved for; None: it was not leased."""
        self._places -= 1
        if delivery is not None:
            self._begin(delivery)
        self._look_if_waiting()

    async def run(self) -> None:
        """Deliver for as long as the gateway runs."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                while True:
                    self._more.clear()
                    for delivery in await self._due():
                        self._begin(delivery)
                    await self._wait()
            finally:
                self._tasks = None

    def _begin(self, delivery: Delivery) -> None:
        if self._tasks is None:
            return  # the queue ends; the next start of the gateway releases the lease
        self._leased.add(delivery.seq)
        self._places += 1
        self._tasks.create_task(self._deliver(delivery))

    def _look_if_waiting(self) -> None:
        """Read the store where there is room again, if something may wait there."""
        if self._waiting:
            self._more.set()

    def _room(self) -> int:
        """Return how many attempts may begin."""
        most = 1 if self._attempts.probing else _CONCURRENT
        return min(most - self._places, _UNSETTLED - len(self._leased))

    async def _due(self) -> list[Delivery]:
        """Lease as many deliveries as can be attempted now."""
        room, closed = self._room(), self._attempts.closed_for > 0
        if self.stopping or closed or room <= 0 or not self._waiting:
            return []
        if self._attempts.lacks_key:
            self._trouble(
                f"the secret field {self._subscriber.secret} holds no usable secret"
            )
            return []
        self._waiting = False  # before the await: a wake meanwhile sets it again
        found: list[Delivery] = []
        try:
            found = await self._store.claim(
                self._subscriber.name,
                most=room,
                ordered=self._subscriber.ordered,
                fresh=self._attempts.probing,
            )
            self._logged = ""
            self._attempts.gone &= not found
            if len(found) >= room:
                self._waiting = True  # there may be more
            elif not self._next_known:
                await self._read_next()
        except StoreUnavailable as error:
            self._trouble(str(error))
        except Exception as error:  # noqa: BLE001 - a queue must not end
            self._trouble(f"a fault of the gateway's: {type(error).__name__}")
        # A lease may have expired under an attempt that is still under way.
        return [one for one in found if one.seq not in self._leased]

    async def _read_next(self) -> None:
        """Read the next due time."""
        settled = self._settled
        self._next = await self._store.next_due(self._subscriber.name)
        self._next_known = settled == self._settled
        self._waiting |= not self._next_known

    def _trouble(self, reason: str) -> None:
        self._waiting = True
        if reason != self._logged:
            self._logged = reason
            self._on_event(
                "deliveries_stopped", subscriber=self._subscriber.name, reason=reason
            )

    async def _wait(self) -> None:
        """Wait for something new, for the end of an attempt, or for a due time."""
        wait = self._pause()
        try:
            async with asyncio.timeout(wait):
                await self._more.wait()
        except TimeoutError:
            if wait >= _LONGEST:
                self._next_known, self._waiting = False, True

    def _pause(self) -> float:
        """Return the s until something may be due; 0.0: now."""
        closed = self._attempts.closed_for
        if closed > 0:
            return min(closed, _LONGEST / 2)
        if self._logged:
            return STORE_RETRY
        if not self._waiting and self._next is not None:
            left = self._next - self._clock.unix()
            if left > 0:
                return min(left, _LONGEST)
            self._waiting, self._next_known = True, False
        ready = self._waiting and self._room() > 0 and not self.stopping
        return 0.0 if ready else _LONGEST

    async def _deliver(self, delivery: Delivery) -> None:
        """Attempt one delivery, and store its outcome."""
        try:
            try:
                settlement = (
                    None if self.stopping else await self._attempts.make(delivery)
                )
            finally:
                self._places -= 1
                self._look_if_waiting()
            if settlement is not None:
                await self._settle(settlement)
        except Exception as error:  # noqa: BLE001 - one delivery must not end them all
            # Its lease expires, and it is attempted again.
            self._trouble(f"a fault of the gateway's: {type(error).__name__}")
        finally:
            self._leased.discard(delivery.seq)
            self._look_if_waiting()

    async def _settle(self, settlement: Settlement) -> None:
        """Store an outcome, however long the store takes.

        Meanwhile its seq stays in `_leased`: a delivery that was made is not repeated.
        """
        while True:
            try:
                await self._store.settle(settlement)
            except StoreUnavailable as error:
                self._trouble(str(error))
                await self._clock.sleep(STORE_RETRY)
            else:
                break
        self._settled += 1
        if settlement.outcome in {"retry", "disabled"}:
            due = self._clock.unix() + settlement.wait
            self._next = due if self._next is None else min(self._next, due)
            self._more.set()  # it may be sooner than what is waited for
        if self._subscriber.ordered:
            self._waiting = True  # the next delivery of its entity is due now
