"""The stages between an accepted request and Dinie, over a made-up Dinie and clock."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from multidict import CIMultiDict

from gateway.admission.bulkhead import BulkheadStage
from gateway.breaker.attempt_stage import AttemptBreakerStage
from gateway.breaker.options import BreakerOptions
from gateway.breaker.stage import BreakerStage
from gateway.core.attempt import AttemptFailed, Outcome
from gateway.core.exchange import Exchange
from gateway.core.upstream_response import UpstreamResponse
from gateway.ratelimit.options import RateLimitOptions
from gateway.ratelimit.stage import RateLimitStage
from gateway.retry.options import RetryOptions
from gateway.retry.stage import RetryStage
from tests.exchanges import new_exchange
from tests.experiments.virtual import LoopClock

Dinie = Callable[[Exchange], Awaitable[tuple[int, dict[str, str]]]]


class _Heard:
    """Counts retries."""

    def __init__(self) -> None:
        self.retries = 0

    def retry(self, reason: str) -> None:
        del reason
        self.retries += 1

    def identical_5xx(self) -> None:
        """Count nothing."""


class Line:
    """Retry, breaker, limiter and bulkhead, in the order of the gateway."""

    def __init__(
        self,
        dinie: Dinie,
        *,
        seed: int = 1,
        in_flight: int = 64,
        breaker: BreakerOptions | None = None,
        retry: RetryOptions | None = None,
        attempt: float = 15.0,
    ) -> None:
        self.clock = LoopClock()
        self.dice = random.Random(seed)
        self.heard = _Heard()
        self.calls: list[float] = []  # moments at which Dinie was asked
        self._dinie = dinie
        self._attempt = attempt
        self.breaker = BreakerStage(
            breaker or BreakerOptions(), self.clock, self.dice.random, "api"
        )
        self.limiter = RateLimitStage(RateLimitOptions(), self.clock, self.dice.random)
        self.bulkhead = BulkheadStage(in_flight, clock=self.clock.now)
        self.retry = RetryStage(
            retry or RetryOptions(),
            clock=self.clock,
            random=self.dice.random,
            observer=self.heard,
            horizon=lambda: float("inf"),
        )
        self._circuit = AttemptBreakerStage(
            self.breaker, self.clock.now, probe_time=10.0
        )

    async def send(self, exchange: Exchange) -> UpstreamResponse:
        """Take a request through the stages.

        Raises:
            GatewayError: what its caller is told.
        """
        return await self.retry(exchange, self._guarded)

    async def _guarded(self, exchange: Exchange) -> UpstreamResponse:
        return await self._circuit(exchange, self._limited)

    async def _limited(self, exchange: Exchange) -> UpstreamResponse:
        return await self.limiter(exchange, self._slotted)

    async def _slotted(self, exchange: Exchange) -> UpstreamResponse:
        return await self.bulkhead(exchange, self._send)

    async def _send(self, exchange: Exchange) -> UpstreamResponse:
        exchange.history.sends += 1
        self.calls.append(self.clock.now())
        left = min(self._attempt, exchange.deadline - self.clock.now())
        try:
            async with asyncio.timeout(max(0.0, left)):
                status, headers = await self._dinie(exchange)
        except TimeoutError:
            raise AttemptFailed(Outcome.TIMEOUT, "no answer in time") from None
        return UpstreamResponse(status, CIMultiDict(headers))


def exchange(number: int, now: float, method: str = "GET", **known: Any) -> Exchange:
    """Return a request that came now, with a deadline of 25 s."""
    known = {"deadline": now + 25.0, "key": f"k{number}", **known}
    return new_exchange(str(number), method, f"/banks?n={number}", now, **known)
