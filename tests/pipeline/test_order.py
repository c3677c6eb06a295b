"""order: which stage sees a request first."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from aiohttp import ClientRequest, ClientResponse, web
from aiohttp.client_middlewares import ClientHandlerType

from gateway.core.exchange import Exchange
from gateway.core.stage import Handler
from gateway.pipeline.order import Stages

REQUEST = cast("web.BaseRequest", None)
ANSWER = cast("ClientResponse", object())


def sent_for(name: str) -> ClientRequest:
    exchange = Exchange(name, "GET", "/", 0.0)
    return cast("ClientRequest", SimpleNamespace(exchange=exchange))


class Trail:
    """Stages that leave their name and go on."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def per_request(
        self, request: web.BaseRequest, handler: Handler, *, name: str
    ) -> web.StreamResponse:
        self.names.append(name)
        return await handler(request)

    async def per_attempt(
        self,
        exchange: Exchange,
        request: ClientRequest,
        handler: ClientHandlerType,
        *,
        name: str,
    ) -> ClientResponse:
        self.names.append(f"{name} {exchange.request_id}")
        return await handler(request)

    @property
    def stages(self) -> Stages:
        kinds: dict[str, Callable[..., Any]] = {
            "identity": self.per_request,
            "admission": self.per_request,
            "local_tokens": self.per_request,
            "deadline": self.per_request,
            "idempotency": self.per_request,
            "credentials": self.per_attempt,
            "ratelimit": self.per_attempt,
            "bulkhead": self.per_attempt,
            "transport": self.per_attempt,
        }
        named: dict[str, Any] = {
            name: partial(kind, name=name) for name, kind in kinds.items()
        }
        return Stages(**named)


async def test_a_request_passes_the_stages_in_their_order() -> None:
    """Refusing comes before spending, and one key stands over all attempts."""
    trail = Trail()

    async def innermost(_: web.BaseRequest) -> web.StreamResponse:
        trail.names.append("handler")
        return web.Response()

    await trail.stages.around(innermost)(REQUEST)

    assert trail.names == [
        "identity",
        "admission",
        "local_tokens",
        "deadline",
        "idempotency",
        "handler",
    ]


async def test_an_attempt_passes_the_stages_in_their_order() -> None:
    """A free replay pays quota, and a wait for a permit holds no slot."""
    trail = Trail()

    async def send(_: ClientRequest) -> ClientResponse:
        trail.names.append("send")
        return ANSWER

    await trail.stages.attempt(send)(sent_for("r"))

    assert trail.names == [
        "credentials r",
        "ratelimit r",
        "bulkhead r",
        "transport r",
        "send",
    ]


async def test_attempts_of_two_exchanges_do_not_mix() -> None:
    """What one caller sent must not be counted for another."""
    trail, sent = Trail(), []

    async def send(_: ClientRequest) -> ClientResponse:
        sent.append(trail.names[-1])
        return ANSWER

    chain = trail.stages.attempt(send)
    await chain(sent_for("b"))
    await chain(sent_for("a"))

    assert sent == ["transport b", "transport a"]
