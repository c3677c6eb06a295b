"""How many attempts are with Dinie at once?"""

import asyncio
from collections import deque
from collections.abc import Callable

from aiohttp import ClientRequest, ClientResponse
from aiohttp.client_middlewares import ClientHandlerType

from gateway.admission.gradient import Gradient
from gateway.admission.policy import SLOT_WAIT, UPLOAD_SLOTS
from gateway.errors import Overloaded
from gateway.message import Exchange

_MARGIN = 0.3  # s
_REFUSED = 400
_LATER = 5.0  # s; when batch work may come again


class Slots:
    """A counted set of slots with a first-come queue; batch work stands behind it."""

    __slots__ = ("_batch", "_waiters", "free", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.free = size
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._batch: deque[asyncio.Future[None]] = deque()

    def take_free(self) -> bool:
        """Take a slot that is free now; while one is, nobody waits."""
        if self.free <= 0:
            return False
        self.free -= 1
        return True

    async def take(self, wait: float, *, batch: bool = False) -> bool:
        """Take a slot within `wait` s; False: none came free.

        Raises:
            Overloaded: somebody more urgent needs the room.
        """
        if self.take_free():
            return True
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._batch if batch else self._waiters
        queue.append(waiter)
        try:
            async with asyncio.timeout(max(0.0, wait)):
                await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and not waiter.exception():
                self.give()  # it was ours just as we left
            elif waiter in queue:
                queue.remove(waiter)
            if isinstance(error, TimeoutError):
                return False
            raise
        return True

    def give(self) -> None:
        """Give a slot back, to the one who waits longest if anybody does."""
        if self.free < 0:  # there are more than there should be
            self.free += 1
            return
        for queue in (self._waiters, self._batch):
            while queue:
                waiter = queue.popleft()
                if not waiter.done():
                    waiter.set_result(None)
                    return
        self.free += 1

    def resize(self, size: int) -> None:
        """Have another number of slots; those in use beyond it are not replaced."""
        more, self.size = size - self.size, size
        if more < 0:
            self.free += more
            return
        for _ in range(more):
            self.give()

    def shed(self) -> bool:
        """Send the newest batch work that waits away; False: none does."""
        while self._batch:
            waiter = self._batch.pop()
            if not waiter.done():
                waiter.set_exception(shed())
                return True
        return False


def shed() -> Overloaded:
    """Return what batch work is told that makes room."""
    return Overloaded(
        "the gateway is full, and batch work makes room first", retry_after=_LATER
    )


class BulkheadStage:
    """Runs once per attempt, below the limiter: a permit wait holds no slot."""

    def __init__(
        self,
        in_flight: int,
        *,
        clock: Callable[[], float],
        wait: float = SLOT_WAIT,
        adaptive: bool = False,
    ) -> None:
        """Wire the stage.

        Args:
            in_flight: Ordinary attempts at once, at most.
            clock: Monotonic, s.
            wait: s for a slot.
            adaptive: Whether there are fewer while answers take longer than they can.
        """
        self._gradient = Gradient(in_flight) if adaptive else None
        self.ordinary = Slots(in_flight)
        self.uploads = Slots(UPLOAD_SLOTS)
        self._clock = clock
        self._wait = wait

    @property
    def in_flight(self) -> int:
        """Return how many attempts are with Dinie now."""
        return sum(slots.size - slots.free for slots in (self.ordinary, self.uploads))

    def shed(self) -> bool:
        """Send the newest batch work that waits away; False: none does."""
        return self.ordinary.shed()

    async def __call__(
        self, exchange: Exchange, request: ClientRequest, handler: ClientHandlerType
    ) -> ClientResponse:
        """Hold a slot while the attempt lasts.

        Raises:
            Overloaded: no slot came free in time.
        """
        slots = self.uploads if exchange.upload else self.ordinary
        if not slots.take_free():
            await self._queue(exchange, slots)
        began = self._clock() if self._gradient is not None else 0.0
        try:
            response = await handler(request)
        except BaseException:
            slots.give()
            raise
        if self._gradient is not None and slots is self.ordinary:
            self._learn(self._gradient, exchange.route, response.status, began)
        if exchange.answer is None:
            # The answer streams on: its slot is given back at its end.
            exchange.release = slots.give
        else:
            slots.give()
        return response

    def _learn(self, gradient: Gradient, route: str, status: int, began: float) -> None:
        if status >= _REFUSED:
            return  # a refusal is quick, and says nothing of the work
        now, slots = self._clock(), self.ordinary
        if gradient.record(route, now - began, slots.size - slots.free, now):
            slots.resize(int(gradient.limit))

    async def _queue(self, exchange: Exchange, slots: Slots) -> None:
        began = self._clock()
        wait = min(self._wait, exchange.deadline - began - _MARGIN)
        try:
            if not await slots.take(wait, batch=not exchange.interactive):
                raise Overloaded(
                    "too many requests are with Dinie already "
                    "(admission.max_in_flight)",
                    retry_after=1.0,
                )
        finally:
            waited = self._clock() - began
            exchange.waits.queue += waited
            exchange.step(began, "slot", waited, slots.size - slots.free)
