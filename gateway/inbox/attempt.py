"""One try of a delivery at its subscriber, and what follows from how it went."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.core.circuit import CLOSED, Circuit
from gateway.core.clock import Clock
from gateway.core.secret import Secret
from gateway.inbox.delivery_headers import headers, key_of
from gateway.inbox.options import SubscriberOptions
from gateway.inbox.policy import CIRCUIT_RULES, Next, Try, after
from gateway.inbox.ports import Carrier, Delivery, Observer, Settlement

Fields = Callable[[], Mapping[str, Secret] | None]


class Attempts:
    """The tries at one subscriber, and whether it is worth one."""

    def __init__(
        self,
        subscriber: SubscriberOptions,
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
        """Take the parts; as `Dispatcher`."""
        self._subscriber = subscriber
        self._carrier = carrier
        self._schedule = schedule
        self._tolerance = tolerance
        self._fields = fields
        self._clock = clock
        self._random = random
        self._observer = observer
        self._on_event = on_event
        self._circuit = Circuit(CIRCUIT_RULES)
        self.gone = False  # it said 410: what is leased goes back

    @property
    def closed_for(self) -> float:
        """Return the s until a try is worth it; 0.0: it is now."""
        return self._circuit.open_for(self._clock.now())

    @property
    def probing(self) -> bool:
        """Whether one try at a time is enough, to see whether it is back."""
        return self._circuit.state != CLOSED

    @property
    def lacks_key(self) -> bool:
        """Whether nothing can be signed for it.

        Not with Dinie's signature instead: it was told to trust another one.
        """
        if not self._subscriber.secret:
            return False
        return key_of(self._subscriber, self._fields() or {}) is None

    async def make(self, delivery: Delivery) -> Settlement | None:
        """Make one try; return what is to be noted; None: there was no time for it."""
        if self._clock.unix() + self._subscriber.timeout > delivery.until:
            # A lease outlives its try: in a process that slept since it was taken it
            # may be another gateway's by now, and what follows may be delivered.
            return None
        if self.gone or self._circuit.admit(self._clock.now()) > 0:
            # It waits for the subscriber with the others, and has used up nothing.
            return self._settlement(delivery, Next("retry"), delivery.tries, None)
        done = await self._send(delivery)
        tries = delivery.tries + 1
        follows = after(
            done, tries=tries, schedule=self._schedule, random=self._random()
        )
        if follows.outcome == "disabled":
            self.gone = True
        self._tell(delivery, done, follows, tries)
        return self._settlement(delivery, follows, tries, done)

    async def _send(self, delivery: Delivery) -> Try:
        verdict = "ignored"
        try:
            done = await self._carrier.send(
                self._subscriber, self._headers(delivery), delivery.arrival.body
            )
            failed = "doubtful" if done.doubtful else "failure"
            verdict = failed if done.unwell else "success"
            return done
        finally:
            self._circuit.record(verdict, self._clock.now(), self._random())

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

    def _settlement(
        self, delivery: Delivery, follows: Next, tries: int, done: Try | None
    ) -> Settlement:
        return Settlement(
            delivery.seq,
            self._subscriber.name,
            follows.outcome,
            tries,
            follows.wait,
            done.status if done else None,
            done.error if done else "circuit",
            soon=self._subscriber.ordered,  # the next of its entity waits for it
        )

    def _headers(self, delivery: Delivery) -> list[tuple[str, str]]:
        return headers(
            delivery.arrival,
            self._subscriber,
            self._fields() or {},
            now=self._clock.unix(),
            tolerance=self._tolerance,
        )
