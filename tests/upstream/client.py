"""A client that sends one attempt at a time through the real transport stage."""

import asyncio
from typing import Any

from aiohttp import ClientRequest, ClientResponse
from yarl import URL

from gateway.core.clock import Clock, SystemClock
from gateway.core.exchange import Exchange
from gateway.deadline.options import DeadlineOptions
from gateway.pipeline.forwarder import Base
from gateway.upstream.client import Sender
from gateway.upstream.payload import SpilledBody
from gateway.upstream.sweeper import Sweeper
from gateway.upstream.transport import TransportStage

SWIFT = DeadlineOptions(attempt=0.2, connect=0.05, first_byte=0.05)


class Client:
    """Sends one attempt at a time through the stage."""

    def __init__(
        self,
        base_url: str,
        options: DeadlineOptions,
        clock: Clock | None = None,
        *,
        pool_size: int = 5,
    ) -> None:
        clock = clock if clock is not None else SystemClock()
        self.now = clock.now
        self.outcomes: list[str] = []
        self.sweeper = Sweeper(asyncio.get_running_loop(), clock.now)
        self.sender = Sender(
            pool_size=pool_size, connect=options.connect, ssl_context=None
        )
        self._base = Base.of(base_url)
        self._stage = TransportStage(options, self.sweeper, clock.now, self._note)

    def _note(self, _route: str, outcome: str, _took: float) -> None:
        self.outcomes.append(str(outcome))

    def exchange(self, method: str = "GET", **fields: Any) -> Exchange:
        now = self.now()
        return Exchange("r", method, "/a", now, **{"deadline": now + 5.0, **fields})

    def url(self, target: str) -> URL:
        return self._base.url(target)

    async def close(self) -> None:
        self.sweeper.close()
        await self.sender.close()

    async def send(
        self, exchange: Exchange, data: bytes | SpilledBody | None = None
    ) -> ClientResponse:
        async def attempt(request: ClientRequest) -> ClientResponse:
            return await self._stage(exchange, request, self.sender.send)

        return await self.sender.request(
            exchange.method,
            self.url(exchange.target),
            exchange=exchange,
            attempt=attempt,
            data=data,
        )
