"""An IdempotencyStage and what stands behind it."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast

from aiohttp import web

from gateway.core.clock import instant
from gateway.core.errors import GatewayError
from gateway.core.exchange import Body, Exchange
from gateway.core.stage import EXCHANGE
from gateway.idempotency.memory import MemoryRecords
from gateway.idempotency.options import IdempotencyOptions
from gateway.idempotency.ports import Ledger, NoLedger
from gateway.idempotency.scope import Scope
from gateway.idempotency.stage import IdempotencyStage
from tests.exchanges import new_exchange
from tests.fakes import FakeClock

Answerer = Callable[[Exchange], Awaitable[web.StreamResponse]]


class Scene:
    """A stage and what stands behind it."""

    def __init__(
        self,
        answerer: Answerer | None = None,
        ledger: Ledger | None = None,
        by_caller: bool | None = None,
        **options: Any,
    ) -> None:
        self.clock = FakeClock()
        self.records = MemoryRecords(on_evicted=lambda: None)
        given = IdempotencyOptions(**{"namespace": "shop", **options})
        shared = by_caller is not None
        self.stage = IdempotencyStage(
            given,
            self.records,
            partial(instant, self.clock),
            ledger or NoLedger(),
            Scope(given, by_caller=bool(by_caller), shared=shared),
        )
        self.calls: list[Exchange] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.writes = True
        self.answerer = answerer or self.created

    async def created(self, exchange: Exchange) -> web.StreamResponse:
        exchange.history.sends += 1
        headers = {"X-Loan": "ln_1"}
        return web.Response(status=201, reason="Made", headers=headers, body=b'{"a":1}')

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        exchange = request[EXCHANGE]
        self.calls.append(exchange)
        await self.gate.wait()
        if self.writes:  # as the connection does it, right before the first byte
            await exchange.begin_send()
        return await self.answerer(exchange)

    async def send(self, exchange: Exchange) -> web.StreamResponse:
        request = cast("web.BaseRequest", {EXCHANGE: exchange})
        return await self.stage(request, self.handle)

    def start(self, exchange: Exchange) -> "asyncio.Task[web.StreamResponse]":
        return asyncio.create_task(self.send(exchange))


def call(key: str | None = "order-1", **fields: Any) -> Exchange:
    fields = {"method": "POST", "body": b"{}", "deadline": 1025.0, **fields}
    method, body = fields.pop("method"), fields.pop("body")
    control = {} if key is None else {"idempotency-key": key}
    return new_exchange(
        "id", method, "/loans", 1000.0, control=control, body=Body(body), **fields
    )


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def failing(error: GatewayError, *, sends: int) -> Answerer:
    async def answer(exchange: Exchange) -> web.StreamResponse:
        exchange.history.sends += sends
        raise error

    return answer
