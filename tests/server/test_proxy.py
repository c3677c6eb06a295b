"""Proxy: each request gets an exchange, and an unreadable one is recorded too."""

from typing import Any, cast

from aiohttp import web

from gateway.core.exchange import Exchange
from gateway.core.stage import EXCHANGE
from gateway.server.boundary import BoundaryStage
from gateway.server.proxy import Proxy


class Scene:
    """A proxy whose one handler keeps what it gets."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.recorded: list[tuple[str, int]] = []
        self.boundary = BoundaryStage(environment="local", clock=lambda: 7.0)
        self.proxy = Proxy(
            self._handler,
            boundary=self.boundary,
            telemetry=self,
            clock=lambda: 7.0,
            request_ids=lambda given: ("ours", given or "ours"),
        )

    async def _handler(self, request: web.BaseRequest) -> web.StreamResponse:
        self.exchanges.append(request[EXCHANGE])
        return web.Response()

    def finished(self, exchange: Exchange, status: int) -> None:
        """Keep what is recorded."""
        self.recorded.append((exchange.method, status))

    async def ask(self, **headers: str) -> Any:
        class Request(dict[Any, Any]):
            """As much of a request as the proxy looks at."""

        request: Any = Request()
        request.method, request.headers, request.last = "GET", headers, None
        await self.proxy(cast("Any", request))
        return request


async def test_a_request_is_passed_on_with_an_exchange_of_its_own() -> None:
    """Every stage fills it in, and finds it under one key."""
    scene = Scene()

    first = await scene.ask(**{"X-Request-Id": "theirs"})
    await scene.ask()

    one, other = scene.exchanges
    assert (one.request_id, one.echoed_id, one.started) == ("ours", "theirs", 7.0)
    assert (one.method, one.peer, first.last) == ("GET", first, False)
    assert other is not one


async def test_a_connection_ends_with_the_first_response_of_a_drain() -> None:
    """Its caller then connects to a gateway that stays."""
    scene = Scene()
    scene.boundary.closing = True

    asked = await scene.ask()

    assert asked.last is True


def test_what_the_parser_refuses_is_answered_and_recorded() -> None:
    """Otherwise nobody would see that it came."""
    scene = Scene()

    response = scene.proxy.refuse_unread(None)

    assert (response.status, scene.recorded) == (400, [("OTHER", 400)])
    assert response.headers["X-Gateway-Request-Id"] == "ours"
