"""A limiter stage with an upstream, callers and a clock of its own."""

import asyncio
from typing import Any

from multidict import CIMultiDict

from gateway.core.exchange import Exchange
from gateway.core.upstream_response import UpstreamResponse
from gateway.ratelimit.options import RateLimitOptions
from gateway.ratelimit.permits import Permits
from gateway.ratelimit.stage import RateLimitStage
from tests.exchanges import new_exchange
from tests.ratelimit.timeline import Timeline


class Upstream:
    """Answers when told to; counts a quota of 20 per 10 s window."""

    def __init__(self, clock: Timeline, remaining: int = 20) -> None:
        self.clock = clock
        self.remaining = remaining
        self.window = 1_790_000_010
        self.asked: list[str] = []
        self.gate: asyncio.Event = asyncio.Event()
        self.gate.set()
        self.status = 200
        self.more: dict[str, str] = {}
        self.fault: Exception | None = None
        self.sends = True

    def next_window(self) -> None:
        self.remaining, self.window = 20, self.window + 10

    async def __call__(self, exchange: Exchange) -> UpstreamResponse:
        self.asked.append(exchange.request_id)
        if self.sends:
            exchange.history.sends += 1
            self.remaining -= 1
        headers = CIMultiDict(
            {
                "X-RateLimit-Limit": "20",
                "X-RateLimit-Remaining": str(max(0, self.remaining)),
                "X-RateLimit-Reset": str(self.window),
            }
            | self.more
        )
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return UpstreamResponse(self.status, headers)


class Scene:
    """A stage, an upstream and callers."""

    def __init__(self, remaining: int = 20, **options: Any) -> None:
        self.clock = Timeline()
        self.held: list[float] = []
        self.stage = RateLimitStage(
            RateLimitOptions(**{"reserve": 0.0, **options}),
            self.clock,
            lambda: 0.5,
            self.held.append,
        )
        self.upstream = Upstream(self.clock, remaining)

    @property
    def permits(self) -> Permits:
        return self.stage._quotas.all[0]

    def exchange(self, name: str = "a", **fields: Any) -> Exchange:
        fields = {"deadline": self.clock.now() + 25.0, **fields}
        return new_exchange(name, "GET", "/banks", self.clock.now(), **fields)

    async def send(self, exchange: Exchange) -> UpstreamResponse:
        return await self.stage(exchange, self.upstream)

    def start(self, name: str, **fields: Any) -> "asyncio.Task[UpstreamResponse]":
        return asyncio.create_task(self.send(self.exchange(name, **fields)))

    async def learn(self) -> None:
        """Have one answer tell the quota."""
        await self.send(self.exchange("first"))
        self.upstream.asked.clear()
