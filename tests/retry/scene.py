"""A retry stage over the real client, with the real stages below it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from aiohttp import ClientRequest, ClientResponse

from gateway.admission.bulkhead import BulkheadStage
from gateway.core.clock import SystemClock
from gateway.core.exchange import Exchange
from gateway.deadline.options import DeadlineOptions
from gateway.pipeline.forwarder import Base
from gateway.retry.options import RetryOptions
from gateway.retry.stage import RetryStage
from gateway.upstream.client import AttemptRequest, Sender
from gateway.upstream.sweeper import Sweeper
from gateway.upstream.transport import TransportStage
from tests.fakes import FakeBreaker, FakeRetryObserver

SWIFT = RetryOptions(base=0.001, cap=0.002)


class Scene:
    """Sends exchanges to a base URL."""

    def __init__(
        self,
        base_url: str,
        *,
        options: RetryOptions = SWIFT,
        pool_size: int = 10,
        slots: int = 10,
        tls: ssl.SSLContext | None = None,
        deadline: DeadlineOptions | None = None,
    ) -> None:
        self.clock = SystemClock()
        self.breaker = FakeBreaker()
        self.observer = FakeRetryObserver()
        self.horizon = float("inf")
        self.outcomes: list[str] = []
        deadline = deadline or DeadlineOptions()
        self.stage = RetryStage(
            options,
            clock=self.clock,
            random=lambda: 0.5,
            breaker=self.breaker,
            observer=self.observer,
            horizon=lambda: self.horizon,
            probe_time=deadline.first_byte,
        )
        self.sweeper = Sweeper(asyncio.get_running_loop(), self.clock.now)
        self.sender = Sender(
            pool_size=pool_size, connect=deadline.connect, ssl_context=tls
        )
        self.bulkhead = BulkheadStage(slots, clock=self.clock.now)
        self._transport = TransportStage(
            deadline, self.sweeper, self.clock.now, self._note
        )
        self._base = Base.of(base_url)

    def _note(self, _route: str, outcome: str, _took: float) -> None:
        self.outcomes.append(str(outcome))

    def exchange(self, method: str = "GET", **fields: Any) -> Exchange:
        now = self.clock.now()
        if method == "POST":
            fields = {"key": "k-1", **fields}
        return Exchange("r", method, "/loans", now, **{"deadline": now + 5.0, **fields})

    async def _attempt(self, request: ClientRequest) -> ClientResponse:
        assert isinstance(request, AttemptRequest)
        exchange = request.exchange

        async def transport(request: ClientRequest) -> ClientResponse:
            return await self._transport(exchange, request, self.sender.send)

        return await self.bulkhead(exchange, request, transport)

    async def send(self, exchange: Exchange) -> ClientResponse:
        """Run the attempts of an exchange."""
        return await self.stage.run(
            exchange,
            self.sender,
            self._base.url(exchange.target),
            self._attempt,
            None,
        )


@asynccontextmanager
async def scene(base_url: str, **settings: Any) -> AsyncIterator[Scene]:
    """Yield a scene; close its connections at the end."""
    made = Scene(base_url, **settings)
    try:
        yield made
    finally:
        made.sweeper.close()
        await made.sender.close()


GONE = SimpleNamespace(transport=None)  # the connection of a caller that left
