"""Brings deliveries to subscribers: a lane for each, so that none waits for another."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from gateway.clock import Clock
from gateway.inbox.options import InboxOptions, SubscriberOptions
from gateway.inbox.outgoing import headers, key_of
from gateway.inbox.policy import Circuit, Next, Try, after
from gateway.inbox.ports import (
    Arrival,
    Carrier,
    Delivery,
    InboxStore,
    Observer,
    Settlement,
    StoreUnavailable,
)
from gateway.secret import Secret

_AT_ONCE: Final = 8  # tries of one subscriber
_LEASED: Final = 32  # deliveries at hand: fewer looks into the store
_LOOK: Final = 1.0  # s between looks for what became due, or what others put there
Fields = Callable[[], Mapping[str, Secret] | None]


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
        self._lanes = [
            Lane(
                one,
                store,
                carrier,
                schedule=options.schedule,
                tolerance=options.tolerance,
                fields=fields,
                clock=clock,
                random=random,
                observer=observer,
                on_event=on_event,
            )
            for one in options.subscribers
        ]

    async def run(self) -> None:
        """Deliver for as long as the gateway runs."""
        async with asyncio.TaskGroup() as tasks:
            for lane in self._lanes:
                tasks.create_task(lane.run())

    def wake(self) -> None:
        """Look now: something new has come."""
        for lane in self._lanes:
            lane.wake()

    def stop(self) -> None:
        """Begin no further try; those under way are finished."""
        for lane in self._lanes:
            lane.stopping = True

    @property
    def under_way(self) -> int:
        """Return how many tries are under way."""
        return sum(lane.under_way for lane in self._lanes)


class Lane:
    """The deliveries of one subscriber."""

    def __init__(
        self,
        subscriber: SubscriberOptions,
        store: InboxStore,
        carrier: Carrier,
        *,
        schedule: tuple[float, ...],
        tolerance: float,
        fields: Fields,
        clock: Clock,
        random: Callable[[], float],
        observer: Observer,
        on_event: Callable[..., Any],
    ) -> None:
        """Wire a lane; as `Dispatcher`."""
        self._subscriber = subscriber
        self._store = store
        self._carrier = carrier
        self._schedule = schedule
        self._tolerance = tolerance
        self._fields = fields
        self._clock = clock
        self._random = random
        self._observer = observer
        self._on_event = on_event
        self._circuit = Circuit()
        self._more = asyncio.Event()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._held: set[int] = set()
        self._gone = False  # it said 410: what is leased goes back
        self._said = ""  # the trouble that was logged last
        self.stopping = False

    @property
    def under_way(self) -> int:
        """Return how many deliveries are leased and not settled."""
        return len(self._held)

    def wake(self) -> None:
        """Look now."""
        self._more.set()

    async def run(self) -> None:
        """Deliver for as long as the gateway runs."""
        async with asyncio.TaskGroup() as tries:
            while True:
                self._more.clear()
                for delivery in await self._due():
                    self._held.add(delivery.seq)
                    tries.create_task(self._bring(delivery))
                await self._wait()

    async def _due(self) -> list[Delivery]:
        """Lease as many deliveries as there is room for."""
        room = (1 if self._circuit.probing else _LEASED) - len(self._held)
        closed = self._circuit.wait(self._clock.now()) > 0
        if self.stopping or closed or room <= 0 or len(self._held) > _LEASED // 2:
            return []
        if self._subscriber.secret and self._key() is None:
            # Not with Dinie's signature instead: it was told to trust another one.
            self._trouble(f"the secret field {self._subscriber.secret} has no good one")
            return []
        try:
            found = await self._store.claim(
                self._subscriber.name,
                most=room,
                ordered=self._subscriber.ordered,
                fresh=self._circuit.probing,
            )
        except StoreUnavailable as error:
            self._trouble(str(error))
            return []
        except Exception as error:  # noqa: BLE001 - nor must a look
            self._trouble(f"a fault of the gateway's: {type(error).__name__}")
            return []
        self._said = ""
        self._gone = self._gone and not found
        # A lease may have run out under a try that is still under way.
        return [one for one in found if one.seq not in self._held]

    def _trouble(self, reason: str) -> None:
        if reason != self._said:
            self._said = reason
            self._on_event(
                "deliveries_stopped", subscriber=self._subscriber.name, reason=reason
            )

    async def _wait(self) -> None:
        """Wait for something new, for a try to end, or for a moment to come."""
        wait = min(_LOOK, self._circuit.wait(self._clock.now()) or _LOOK)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._more.wait()

    async def _bring(self, delivery: Delivery) -> None:
        """Try one delivery, and see that its outcome is noted."""
        try:
            async with self._slots:
                await self._try(delivery)
        except Exception as error:  # noqa: BLE001 - one delivery must not end them all
            # Its lease runs out, and it is tried again.
            self._trouble(f"a fault of the gateway's: {type(error).__name__}")
        finally:
            self._held.discard(delivery.seq)
            self._more.set()

    async def _try(self, delivery: Delivery) -> None:
        if self.stopping:
            return  # the lease is taken back by whoever comes next
        if self._gone or self._circuit.wait(self._clock.now()) > 0:
            # It waits for the subscriber with the others, and has used up nothing.
            await self._settle(delivery, Next("retry"), delivery.tries, None)
            return
        done = await self._carrier.send(
            self._subscriber, self._headers(delivery.arrival), delivery.arrival.body
        )
        tries = delivery.tries + 1
        self._circuit.record(
            ok=not done.unwell,
            now=self._clock.now(),
            random=self._random(),
            doubtful=done.doubtful,
        )
        follows = after(
            done, tries=tries, schedule=self._schedule, random=self._random()
        )
        if follows.outcome == "disabled":
            self._gone = True
        self._tell(delivery, done, follows, tries)
        await self._settle(delivery, follows, tries, done)

    def _tell(self, delivery: Delivery, done: Try, follows: Next, tries: int) -> None:
        name, outcome = self._subscriber.name, follows.outcome
        self._observer.delivery(name, "retry" if outcome == "disabled" else outcome)
        self._on_event(
            f"delivery_{outcome}",
            webhook_id=delivery.arrival.webhook_id,
            event_type=delivery.arrival.event_type,
            subscriber=name,
            tries=tries,
            status=done.status,
            error=done.error,
        )

    async def _settle(
        self, delivery: Delivery, follows: Next, tries: int, done: Try | None
    ) -> None:
        """Have an outcome noted, however long the store takes.

        Meanwhile it is held here: a delivery that was made is not made again.
        """
        settlement = Settlement(
            delivery.seq,
            self._subscriber.name,
            follows.outcome,
            tries,
            follows.wait,
            done.status if done else None,
            done.error if done else "circuit",
        )
        while True:
            try:
                await self._store.settle(settlement)
            except StoreUnavailable as error:
                self._trouble(str(error))
                await self._clock.sleep(_LOOK)
            else:
                return

    def _headers(self, arrival: Arrival) -> list[tuple[str, str]]:
        return headers(
            arrival,
            self._subscriber,
            self._fields() or {},
            now=self._clock.unix(),
            tolerance=self._tolerance,
        )

    def _key(self) -> bytes | None:
        return key_of(self._subscriber, self._fields() or {})
