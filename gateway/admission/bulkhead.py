"""How many attempts are with Dinie at once?"""

import asyncio
from collections import deque
from collections.abc import Callable

from aiohttp import ClientRequest, ClientResponse
from aiohttp.client_middlewares import ClientHandlerType

from gateway.admission.policy import SLOT_WAIT, UPLOAD_SLOTS
from gateway.errors import Overloaded
from gateway.message import Exchange

_MARGIN = 0.3  # s


class Slots:
    """A counted set of slots with a first-come queue."""

    __slots__ = ("_waiters", "free", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.free = size
        self._waiters: deque[asyncio.Future[None]] = deque()

    def take_free(self) -> bool:
        """Take a slot that is free now; while one is, nobody waits."""
        if self.free == 0:
            return False
        self.free -= 1
        return True

    async def take(self, wait: float) -> bool:
        """Take a slot within `wait` s; False: none came free."""
        if self.take_free():
            return True
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(max(0.0, wait)):
                await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                self.give()  # it was ours just as we left
            elif waiter in self._waiters:
                self._waiters.remove(waiter)
            if isinstance(error, TimeoutError):
                return False
            raise
        return True

    def give(self) -> None:
        """Give a slot back, to the one who waits longest if anybody does."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self.free += 1


class BulkheadStage:
    """Runs once per attempt, below the limiter: a permit wait holds no slot."""

    def __init__(
        self, in_flight: int, *, clock: Callable[[], float], wait: float = SLOT_WAIT
    ) -> None:
        self.ordinary = Slots(in_flight)
        self.uploads = Slots(UPLOAD_SLOTS)
        self._clock = clock
        self._wait = wait

    @property
    def in_flight(self) -> int:
        """Return how many attempts are with Dinie now."""
        return sum(slots.size - slots.free for slots in (self.ordinary, self.uploads))

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
        try:
            response = await handler(request)
        except BaseException:
            slots.give()
            raise
        if exchange.answer is None:
            # The answer streams on: its slot is given back at its end.
            exchange.release = slots.give
        else:
            slots.give()
        return response

    async def _queue(self, exchange: Exchange, slots: Slots) -> None:
        began = self._clock()
        wait = min(self._wait, exchange.deadline - began - _MARGIN)
        try:
            if not await slots.take(wait):
                raise Overloaded(
                    "too many requests are with Dinie already "
                    "(admission.max_in_flight)",
                    retry_after=1.0,
                )
        finally:
            waited = self._clock() - began
            exchange.waits.queue += waited
            exchange.step(began, "slot", waited, slots.size - slots.free)
