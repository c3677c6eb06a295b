"""order: which stage sees a request first, and which an attempt."""

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any, cast

from aiohttp import web

from gateway.core.exchange import Exchange
from gateway.core.stage import Handler, Send
from gateway.core.upstream_response import UpstreamResponse
from gateway.pipeline.order import Stages
from tests.exchanges import new_exchange

REQUEST = cast("web.BaseRequest", None)


class Trail:
    """Stages that leave their name and go on."""

    def __init__(self, *, attempts: int = 1) -> None:
        self.names: list[str] = []
        self._attempts = attempts

    async def per_request(
        self, request: web.BaseRequest, handler: Handler, *, name: str
    ) -> web.StreamResponse:
        self.names.append(name)
        return await handler(request)

    async def relay(self, _: web.BaseRequest, send: Send) -> web.StreamResponse:
        self.names.append("relay")
        await send(new_exchange("r", "GET", "/", 0.0))
        return web.Response()

    async def retry(self, exchange: Exchange, send: Send) -> UpstreamResponse:
        self.names.append("retry")
        for _ in range(self._attempts - 1):
            await send(exchange)
        return await send(exchange)

    async def per_attempt(
        self, exchange: Exchange, send: Send, *, name: str
    ) -> UpstreamResponse:
        self.names.append(name)
        return await send(exchange)

    async def transport(self, _: Exchange) -> UpstreamResponse:
        self.names.append("transport")
        return UpstreamResponse(200, {})

    def stages(self) -> Stages:
        named: dict[str, Callable[..., Any]] = {}
        kind: Callable[..., Any] = self.per_request
        for field in fields(Stages):
            if field.name in {"relay", "retry", "transport"}:
                named[field.name] = getattr(self, field.name)
                kind = self.per_attempt
            else:
                named[field.name] = partial(kind, name=field.name)
        return Stages(**cast("dict[str, Any]", named))


CALLERS_SIDE = [
    "telemetry",
    "boundary",
    "head",
    "identity",
    "admission",
    "local_tokens",
    "deadline",
    "idempotency",
    "relay",
]
ATTEMPT = ["breaker", "credentials", "ratelimit", "bulkhead", "transport"]


async def test_a_request_passes_every_stage_in_its_order() -> None:
    """Refusing comes before spending, and one key stands over all attempts."""
    trail = Trail()

    await trail.stages().handler()(REQUEST)

    assert trail.names == [*CALLERS_SIDE, "retry", *ATTEMPT]


async def test_each_attempt_passes_all_that_follows_the_retry() -> None:
    """An attempt that skipped the limiter would not be counted."""
    trail = Trail(attempts=3)

    await trail.stages().send()(new_exchange("r", "GET", "/", 0.0))

    assert trail.names == ["retry", *ATTEMPT * 3]


def test_the_fields_stand_in_the_order_of_the_stages() -> None:
    """A reader of the list of fields must not be misled."""
    assert [field.name for field in fields(Stages)] == [
        *CALLERS_SIDE,
        "retry",
        *ATTEMPT,
    ]
