"""The deliveries of one subscriber: what is tried now is leased, and no more.

A lane looks into the store when it was told that something is due there: by whoever
put it there, by the end of a try, or by the moment that the store named the last time.
What arrives while nothing else waits is handed to it as it is stored.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from gateway.core.clock import Clock
from gateway.inbox.attempt import Attempts
from gateway.inbox.options import SubscriberOptions
from gateway.inbox.ports import Delivery, InboxStore, Settlement, StoreUnavailable

_AT_ONCE: Final = 8  # tries of one subscriber
_UNSETTLED: Final = 64  # deliveries whose outcome is not noted yet
LOOK: Final = 1.0  # s until a store that is away is asked again
_LONGEST: Final = 30.0  # s between looks, whatever is known: clocks are set


class Lane:
    """The deliveries of one subscriber."""

    def __init__(
        self,
        subscriber: SubscriberOptions,
        store: InboxStore,
        attempts: Attempts,
        *,
        clock: Clock,
        on_event: Callable[..., Any],
    ) -> None:
        """Take the parts.

        Args:
            subscriber: Whose deliveries.
            store: Where they are kept.
            attempts: Makes the tries.
            clock: Real or fake.
            on_event: Takes an event's name and safe fields, for the log.
        """
        self._subscriber = subscriber
        self._store = store
        self._attempts = attempts
        self._clock = clock
        self._on_event = on_event
        self._more = asyncio.Event()
        self._tries: asyncio.TaskGroup | None = None
        self._trying = 0  # tries under way, and places that are reserved
        self._held: set[int] = set()  # leased, and not settled
        self._waiting = True  # something may be due in the store
        self._next: float | None = None  # Unix, s; when something is due there
        self._next_known = False
        self._settled = 0  # so far: what was read of the store before is old
        self._said = ""  # the trouble that was logged last
        self.stopping = False

    @property
    def under_way(self) -> int:
        """Return how many deliveries are leased and not settled."""
        return len(self._held)

    def wake(self) -> None:
        """Look into the store, where somebody else has changed something."""
        self._next_known = False
        self.arrived()

    def arrived(self) -> None:
        """Look into the store: there is something new that is due."""
        self._waiting = True
        self._more.set()

    def reserve(self) -> bool:
        """Reserve a place for what is about to be stored; False: it is to wait there.

        What waits already comes first, and an order is the store's to keep.
        """
        ready = not (self.stopping or self._waiting or self._attempts.gone)
        if not ready or self._subscriber.ordered or self._tries is None:
            return False
        if self._room() <= 0 or self._attempts.probing or self._attempts.lacks_key:
            return False
        self._trying += 1
        return True

    def hand(self, delivery: Delivery | None) -> None:
        """Try what a place was reserved for; None: it did not come about."""
        self._trying -= 1
        if delivery is not None:
            self._begin(delivery)
        self._look_if_waiting()

    async def run(self) -> None:
        """Deliver for as long as the gateway runs."""
        async with asyncio.TaskGroup() as tries:
            self._tries = tries
            try:
                while True:
                    self._more.clear()
                    for delivery in await self._due():
                        self._begin(delivery)
                    await self._wait()
            finally:
                self._tries = None

    def _begin(self, delivery: Delivery) -> None:
        if self._tries is None:
            return  # it ends: the lease is taken back by whoever comes next
        self._held.add(delivery.seq)
        self._trying += 1
        self._tries.create_task(self._bring(delivery))

    def _look_if_waiting(self) -> None:
        """Look for more where there is room again, if there may be any."""
        if self._waiting:
            self._more.set()

    def _room(self) -> int:
        """Return how many tries may begin."""
        most = 1 if self._attempts.probing else _AT_ONCE
        return min(most - self._trying, _UNSETTLED - len(self._held))

    async def _due(self) -> list[Delivery]:
        """Lease as many deliveries as can be tried now."""
        room, closed = self._room(), self._attempts.closed_for > 0
        if self.stopping or closed or room <= 0 or not self._waiting:
            return []
        if self._attempts.lacks_key:
            self._trouble(f"the secret field {self._subscriber.secret} has no good one")
            return []
        self._waiting = False  # whoever wakes it meanwhile is heard
        found: list[Delivery] = []
        try:
            found = await self._store.claim(
                self._subscriber.name,
                most=room,
                ordered=self._subscriber.ordered,
                fresh=self._attempts.probing,
            )
            self._said = ""
            self._attempts.gone &= not found
            if len(found) >= room:
                self._waiting = True  # there may be more
            elif not self._next_known:
                await self._read_next()
        except StoreUnavailable as error:
            self._trouble(str(error))
        except Exception as error:  # noqa: BLE001 - nor must a look
            self._trouble(f"a fault of the gateway's: {type(error).__name__}")
        # A lease may have run out under a try that is still under way.
        return [one for one in found if one.seq not in self._held]

    async def _read_next(self) -> None:
        """Learn when something is due again."""
        settled = self._settled
        self._next = await self._store.next_due(self._subscriber.name)
        self._next_known = settled == self._settled
        self._waiting |= not self._next_known

    def _trouble(self, reason: str) -> None:
        self._waiting = True
        if reason != self._said:
            self._said = reason
            self._on_event(
                "deliveries_stopped", subscriber=self._subscriber.name, reason=reason
            )

    async def _wait(self) -> None:
        """Wait for something new, for a try to end, or for a moment to come."""
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
        if self._said:
            return LOOK
        if not self._waiting and self._next is not None:
            left = self._next - self._clock.unix()
            if left > 0:
                return min(left, _LONGEST)
            self._waiting, self._next_known = True, False
        ready = self._waiting and self._room() > 0 and not self.stopping
        return 0.0 if ready else _LONGEST

    async def _bring(self, delivery: Delivery) -> None:
        """Try one delivery, and see that its outcome is noted."""
        try:
            try:
                settlement = (
                    None if self.stopping else await self._attempts.make(delivery)
                )
            finally:
                self._trying -= 1
                self._look_if_waiting()
            if settlement is not None:
                await self._settle(settlement)
        except Exception as error:  # noqa: BLE001 - one delivery must not end them all
            # Its lease runs out, and it is tried again.
            self._trouble(f"a fault of the gateway's: {type(error).__name__}")
        finally:
            self._held.discard(delivery.seq)
            self._look_if_waiting()

    async def _settle(self, settlement: Settlement) -> None:
        """Have an outcome noted, however long the store takes.

        Meanwhile it is held here: a delivery that was made is not made again.
        """
        while True:
            try:
                await self._store.settle(settlement)
            except StoreUnavailable as error:
                self._trouble(str(error))
                await self._clock.sleep(LOOK)
            else:
                break
        self._settled += 1
        if settlement.outcome in {"retry", "disabled"}:
            due = self._clock.unix() + settlement.wait
            self._next = due if self._next is None else min(self._next, due)
            self._more.set()  # it may be sooner than what is waited for
        if self._subscriber.ordered:
            self._waiting = True  # for the next of its entity
