"""A retry stage over the real client, with the real stages below it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

from gateway.admission.bulkhead import BulkheadStage
from gateway.breaker.attempt_stage import AttemptBreakerStage
from gateway.breaker.stage import BreakerStage
from gateway.core.clock import SystemClock
from gateway.core.exchange import Exchange
from gateway.core.upstream_response import UpstreamResponse
from gateway.deadline.options import DeadlineOptions
from gateway.retry.options import RetryOptions
from gateway.retry.stage import RetryStage
from gateway.upstream.base import Base
from gateway.upstream.client import Sender
from gateway.upstream.sweeper import Sweeper
from gateway.upstream.transport import Transport
from tests.exchanges import new_exchange
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
            observer=self.observer,
            horizon=lambda: self.horizon,
        )
        self._circuit = AttemptBreakerStage(
            cast("BreakerStage", self.breaker),
            self.clock.now,
            probe_time=deadline.first_byte,
        )
        self.sweeper = Sweeper(asyncio.get_running_loop(), self.clock.now)
        self.sender = Sender(
            Base.of(base_url),
            pool_size=pool_size,
            connect=deadline.connect,
            ssl_context=tls,
        )
        self.bulkhead = BulkheadStage(slots, clock=self.clock.now)
        self._transport = Transport(
            deadline, self.sender, self.sweeper, self.clock.now, self._note
        )

    def _note(self, _route: str, outcome: str, _took: float) -> None:
        self.outcomes.append(str(outcome))

    def exchange(self, method: str = "GET", **fields: Any) -> Exchange:
        now = self.clock.now()
        if method == "POST":
            fields = {"key": "k-1", **fields}
        return new_exchange(
            "r", method, "/loans", now, **{"deadline": now + 5.0, **fields}
        )

    async def attempt(self, exchange: Exchange) -> UpstreamResponse:
        """Make one attempt, with a slot."""
        return await self.bulkhead(exchange, self._transport)

    async def _guarded(self, exchange: Exchange) -> UpstreamResponse:
        return await self._circuit(exchange, self.attempt)

    async def send(self, exchange: Exchange) -> UpstreamResponse:
        """Run the attempts of an exchange."""
        return await self.stage(exchange, self._guarded)


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
