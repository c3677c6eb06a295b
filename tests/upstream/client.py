"""A client that sends one attempt at a time through the real transport."""

import asyncio
from typing import Any, BinaryIO

from yarl import URL

from gateway.core.clock import Clock, SystemClock
from gateway.core.exchange import Body, Exchange
from gateway.core.upstream_response import UpstreamResponse
from gateway.deadline.options import DeadlineOptions
from gateway.upstream.base import Base
from gateway.upstream.client import Sender
from gateway.upstream.sweeper import Sweeper
from gateway.upstream.transport import Transport
from tests.exchanges import new_exchange

SWIFT = DeadlineOptions(attempt=0.2, connect=0.05, first_byte=0.05)


class Client:
    """Sends one attempt at a time through the transport."""

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
        self._base = Base.of(base_url)
        self.sender = Sender(
            self._base, pool_size=pool_size, connect=options.connect, ssl_context=None
        )
        self._transport = Transport(
            options, self.sender, self.sweeper, clock.now, self._note
        )

    def _note(self, _route: str, outcome: str, _took: float) -> None:
        self.outcomes.append(str(outcome))

    def exchange(self, method: str = "GET", **fields: Any) -> Exchange:
        now = self.now()
        return new_exchange("r", method, "/a", now, **{"deadline": now + 5.0, **fields})

    def url(self, target: str) -> URL:
        return self._base.url(target)

    async def close(self) -> None:
        self.sweeper.close()
        await self.sender.close()

    async def send(
        self, exchange: Exchange, data: bytes | BinaryIO = b""
    ) -> UpstreamResponse:
        """Send one attempt, with a body in memory or on disk."""
        exchange.body = Body(data) if isinstance(data, bytes) else Body(file=data)
        return await self._transport(exchange)
