"""The handler of the proxy listener: begins an exchange for each request."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import web

from gateway.core.errors import BadRequest
from gateway.core.exchange import Exchange
from gateway.core.stage import EXCHANGE, Handler
from gateway.server.boundary import BoundaryStage
from gateway.server.proxy_request import ProxyRequest
from gateway.server.unreadable import reason


class Telemetry(Protocol):
    """Records every finished exchange."""

    def finished(self, exchange: Exchange, status: int) -> None:
        """Record an exchange that has its response."""


class Proxy:
    """Passes each request to the stages, with an exchange of its own."""

    def __init__(
        self,
        handler: Handler,
        *,
        boundary: BoundaryStage,
        telemetry: Telemetry,
        clock: Callable[[], float],
        request_ids: Callable[[str | None], tuple[str, str]],
    ) -> None:
        """Serve with the composed stages.

        Args:
            handler: The stages.
            boundary: One of them; renders what the HTTP parser refuses, too.
            telemetry: Another; records that.
            clock: Monotonic, s.
            request_ids: Takes the caller's id, returns ours and the one to echo.
        """
        self._handler = handler
        self._boundary = boundary
        self._telemetry = telemetry
        self._clock = clock
        self._request_ids = request_ids

    def __call__(self, request: ProxyRequest) -> Awaitable[web.StreamResponse]:
        """Respond to one request, whatever happens below."""
        request_id, echoed = self._request_ids(request.headers.get("X-Request-Id"))
        request[EXCHANGE] = Exchange(
            request_id, request.method, self._clock(), request, echoed
        )
        request.last = self._boundary.closing
        return self._handler(request)

    def refuse_unread(self, error: BaseException | None) -> web.Response:
        """Return and record the response to what the HTTP parser does not take."""
        request_id, echoed = self._request_ids(None)
        exchange = Exchange(request_id, "OTHER", self._clock(), None, echoed)
        response = self._boundary.refuse(exchange, BadRequest(reason(error)))
        self._telemetry.finished(exchange, response.status)
        return response
