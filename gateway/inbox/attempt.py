"""Makes one attempt of a delivery, and decides what follows from its result."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.core.circuit import CLOSED, Circuit
from gateway.core.clock import Clock
from gateway.core.secret import Secret
from gateway.inbox.delivery_headers import delivery_headers, key_of
from gateway.inbox.options import SubscriberOptions
from gateway.inbox.policy import CIRCUIT_RULES, AttemptResult, Decision, decide
from gateway.inbox.ports import Delivery, Observer, Settlement, SubscriberClient

Fields = Callable[[], Mapping[str, Secret] | None]


class DeliveryAttempts:
    """The attempts at one subscriber, and the state that says whether to make one."""

    def __init__(
        self,
        subscriber: SubscriberOptions,
        client: SubscriberClient,
        *,
        schedule: tuple[float, ...],
        tolerance: float,
        fields: Fields,
        clock: Clock,
        random: Callable[[], float],
        observer: Observer,
        on_event: Callable[..., Any],
    ) -> None:
        """Begin with a closed circuit.

        Args:
            subscriber: The receiver.
            client: Sends to it.
            schedule: Waits before the second attempt and those after it, s.
            tolerance: s that a webhook's timestamp may be old.
            fields: Returns the secrets in force, to sign with.
            clock: Real or fake.
            random: Returns from [0, 1).
            observer: Counts attempts.
            on_event: Takes an event's name and safe fields, for the log.
        """
        self._subscriber = subscriber
        self._client = client
        self._schedule = schedule
        self._tolerance = tolerance
        self._fields = fields
        self._clock = clock
        self._random = random
        self._observer = observer
        self._on_event = on_event
        self._circuit = Circuit(CIRCUIT_RULES)
        self.gone = False  # it responded with 410: what is leased is put back

    @property
    def closed_for(self) -> float:
        """Return the s until an attempt may be made; 0.0: now."""
        return self._circuit.open_for(self._clock.now())

    @property
    def probing(self) -> bool:
        """Whether to make one attempt at a time, to see whether it is back."""
        return self._circuit.state != CLOSED

    @property
    def lacks_key(self) -> bool:
        """Whether its own secret is configured and cannot be used.

        Dinie's signature is no substitute: the subscriber trusts another key.
        """
        if not self._subscriber.secret:
            return False
        return key_of(self._subscriber, self._fields() or {}) is None

    async def make(self, delivery: Delivery) -> Settlement | None:
        """Make one attempt.

        Returns:
            What is to be stored; None where the lease would end before the attempt.
        """
        if self._clock.unix() + self._subscriber.timeout > delivery.until:
            # In a process that was suspended since it took the lease, the delivery may
            # be another gateway's by now, and the next of its entity delivered.
            return None
        if self.gone or self._circuit.admit(self._clock.now()) > 0:
            # It waits with the others, and no attempt is counted.
            return self._settlement(
                delivery, Decision("retry"), delivery.attempts, None
            )
        result = await self._send(delivery)
        attempts = delivery.attempts + 1
        decision = decide(
            result, attempts=attempts, schedule=self._schedule, random=self._random()
        )
        if decision.outcome == "disabled":
            self.gone = True
        self._report(delivery, result, decision, attempts)
        return self._settlement(delivery, decision, attempts, result)

    async def _send(self, delivery: Delivery) -> AttemptResult:
        verdict = "ignored"
        try:
            result = await self._client.send(
                self._subscriber, self._headers(delivery), delivery.arrival.body
            )
            failed = "doubtful" if result.doubtful else "failure"
            verdict = failed if result.subscriber_failed else "success"
            return result
        finally:
            self._circuit.record(verdict, self._clock.now(), self._random())

    def _report(
        self,
        delivery: Delivery,
        result: AttemptResult,
        decision: Decision,
        attempts: int,
    ) -> None:
        name, outcome = self._subscriber.name, decision.outcome
        self._observer.delivery(name, "retry" if outcome == "disabled" else outcome)
        self._on_event(
            f"delivery_{outcome}",
            webhook_id=delivery.arrival.webhook_id,
            event_type=delivery.arrival.event_type,
            subscriber=name,
            attempts=attempts,
            status=result.status,
            error=result.error,
        )

    def _settlement(
        self,
        delivery: Delivery,
        decision: Decision,
        attempts: int,
        result: AttemptResult | None,
    ) -> Settlement:
        return Settlement(
            delivery.seq,
            self._subscriber.name,
            decision.outcome,
            attempts,
            decision.wait,
            result.status if result else None,
            result.error if result else "circuit",
        )

    def _headers(self, delivery: Delivery) -> list[tuple[str, str]]:
        return delivery_headers(
            delivery.arrival,
            self._subscriber,
            self._fields() or {},
            now=self._clock.unix(),
            tolerance=self._tolerance,
        )
