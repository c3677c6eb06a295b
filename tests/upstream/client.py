"""A client that sends one attempt at a time through the real transport stage."""

import asyncio
from typing import Any

from aiohttp import ClientRequest, ClientResponse, ClientSession
from aiohttp.client_middlewares import ClientHandlerType

from gateway.clock import SystemClock
from gateway.deadline.options import DeadlineOptions
from gateway.message import Exchange
from gateway.server.forward import Base
from gateway.upstream.transport import TransportStage, open_session
from gateway.upstream.watch import Sweeper

SWIFT = DeadlineOptions(attempt=0.2, connect=0.05, first_byte=0.05)


class Client:
    """Sends one attempt at a time through the stage."""

    def __init__(self, base_url: str, options: DeadlineOptions) -> None:
        clock = SystemClock()
        self.now = clock.now
        self.outcomes: list[str] = []
        self.sweeper = Sweeper(asyncio.get_running_loop(), clock.now)
        self.session: ClientSession = open_session(
            pool_size=5, deadline=options, ssl_context=None
        )
        self._base = Base.of(base_url)
        self._stage = TransportStage(options, self.sweeper, clock.now, self._note)

    def _note(self, _route: str, outcome: str, _took: float) -> None:
        self.outcomes.append(str(outcome))

    def exchange(self, method: str = "GET", **fields: Any) -> Exchange:
        now = self.now()
        return Exchange("r", method, "/a", now, **{"deadline": now + 5.0, **fields})

    async def send(
        self, exchange: Exchange, data: bytes | None = None
    ) -> ClientResponse:
        async def attempt(
            request: ClientRequest, handler: ClientHandlerType
        ) -> ClientResponse:
            return await self._stage(exchange, request, handler)

        return await self.session.request(
            exchange.method,
            self._base.url(exchange.target),
            data=data,
            allow_redirects=False,
            middlewares=(attempt,),
        )
