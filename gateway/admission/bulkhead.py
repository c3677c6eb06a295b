"""Bounds how many attempts are with Dinie at once."""

from collections.abc import Callable, Mapping
from functools import partial

from gateway.admission.gradient import Gradient
from gateway.admission.places import Presence
from gateway.admission.policy import SLOT_WAIT, UPLOAD_SLOTS
from gateway.admission.slots import Slots
from gateway.core.backoff import ATTEMPT_MARGIN
from gateway.core.errors import Overloaded
from gateway.core.exchange import Exchange
from gateway.core.lanes import lane_of
from gateway.core.stage import Send
from gateway.core.upstream_response import UpstreamResponse

_REFUSED = 400


class BulkheadStage:
    """Runs once per attempt, below the limiter: a permit wait holds no slot."""

    def __init__(
        self,
        in_flight: int,
        *,
        clock: Callable[[], float],
        wait: float = SLOT_WAIT,
        adaptive: bool = False,
        presence: Presence | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """Begin with all slots free.

        Args:
            in_flight: Ordinary attempts at once, at most.
            clock: Monotonic, s.
            wait: s for a slot.
            adaptive: Whether there are fewer while responses are slower than usual.
            presence: Tells whether a caller is alone; None: each is.
            weights: Of callers; others have 1.
        """
        self._gradient = Gradient(in_flight) if adaptive else None
        self.ordinary = Slots(in_flight, presence=presence, weights=weights)
        self.uploads = Slots(UPLOAD_SLOTS, presence=presence, weights=weights)
        self._clock = clock
        self._wait = wait

    @property
    def in_flight(self) -> int:
        """Return how many attempts are with Dinie now."""
        return sum(slots.size - slots.free for slots in (self.ordinary, self.uploads))

    def shed(self) -> bool:
        """Send the newest batch work that waits away; False: none does."""
        return self.ordinary.shed()

    async def __call__(self, exchange: Exchange, send: Send) -> UpstreamResponse:
        """Hold a slot while the attempt lasts.

        Raises:
            Overloaded: no slot came free in time.
        """
        slots = self.uploads if exchange.upload else self.ordinary
        caller, lane = exchange.caller, lane_of(exchange)
        if not slots.take_free(caller, lane):
            await self._queue(exchange, slots, lane)
        began = self._clock() if self._gradient is not None else 0.0
        try:
            response = await send(exchange)
        except BaseException:
            slots.give(caller, lane)
            raise
        if self._gradient is not None and slots is self.ordinary:
            self._learn(self._gradient, exchange.target.route, response.status, began)
        if response.body is None:  # it streams on, and keeps its slot until its end
            response.hold_slot(partial(slots.give, caller, lane))
        else:
            slots.give(caller, lane)
        return response

    def _learn(self, gradient: Gradient, route: str, status: int, began: float) -> None:
        if status >= _REFUSED:
            return  # a refusal is quick, and says nothing of the work
        now, slots = self._clock(), self.ordinary
        if gradient.record(route, now - began, slots.size - slots.free, now):
            slots.resize(int(gradient.limit))

    async def _queue(self, exchange: Exchange, slots: Slots, lane: int) -> None:
        began = self._clock()
        wait = min(self._wait, exchange.deadline - began - ATTEMPT_MARGIN)
        try:
            if not await slots.wait(exchange.caller, lane, wait):
                raise Overloaded(
                    "too many requests are with Dinie already, or too many of this "
                    "caller's (admission.max_in_flight)",
                    retry_after=1.0,
                )
        finally:
            waited = self._clock() - began
            exchange.history.waits.queue += waited
            exchange.history.step(began, "slot", waited, slots.size - slots.free)
