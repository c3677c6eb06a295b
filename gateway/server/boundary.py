"""Turns every outcome of a request into one response, and ends what it still holds."""

import asyncio
from collections.abc import Callable

import structlog
from aiohttp import web

from gateway.core.errors import GatewayError, OutcomeUnknown
from gateway.core.exchange import EMPTY_BODY, Exchange
from gateway.core.problems import render_unknown
from gateway.core.stage import EXCHANGE, Handler
from gateway.server.responses import mark, problem

_log = structlog.get_logger("gateway.server")


class BoundaryStage:
    """Renders what is raised below: a problem, or a fault that reveals nothing."""

    def __init__(self, *, environment: str, clock: Callable[[], float]) -> None:
        """Render for one environment.

        Args:
            environment: Named in every response.
            clock: Monotonic, s.
        """
        self._environment = environment
        self._clock = clock
        self.closing = False  # a drain has begun: each response ends its connection

    async def __call__(
        self, request: web.BaseRequest, handler: Handler
    ) -> web.StreamResponse:
        """Return a response, whatever is raised below."""
        exchange = request[EXCHANGE]
        try:
            response = await handler(request)
        except GatewayError as error:
            response = problem(error, exchange, request)
            if exchange.caller_gone and not isinstance(error, OutcomeUnknown):
                exchange.history.slug = "caller-gone"  # no fault of Dinie's or ours
        except asyncio.CancelledError:
            # Only a drain that ran out of time cancels.
            exchange.history.slug = "cancelled"
            raise
        except Exception as error:  # noqa: BLE001 - the last boundary
            # The type and the place are ours; the text might hold a caller's data.
            _log.error(
                "request_failed", request_id=exchange.request_id, **_place(error)
            )
            response = _broken(exchange, request)
        finally:
            exchange.end_attempt()
            exchange.body.close()
            # The connection keeps its last request until the next one: without a body,
            # and without a cycle of request and exchange for each of them.
            exchange.body = EMPTY_BODY
            exchange.peer = None
        if not response.prepared:
            self._mark(response, exchange)
        return response

    def refuse(self, exchange: Exchange, error: GatewayError) -> web.Response:
        """Return the response to a request that never became one."""
        response = problem(error, exchange)
        self._mark(response, exchange)
        return response

    def _mark(self, response: web.StreamResponse, exchange: Exchange) -> None:
        """Add what every response of the gateway says about itself."""
        mark(
            response.headers,
            exchange,
            echoed=exchange.echoed_id,
            environment=self._environment,
            took=self._clock() - exchange.started,
        )
        if self.closing:
            response.force_close()


def _broken(exchange: Exchange, request: web.BaseRequest) -> web.Response:
    """Return the response to a fault of ours; what it left behind may be unknown."""
    if exchange.method == "POST" and exchange.history.sends:
        again = exchange.target.repeatable
        key = f" with Idempotency-Key: {exchange.key}" if again else ""
        return problem(
            OutcomeUnknown(f"The gateway failed after a send. Repeat it{key}."),
            exchange,
            request,
        )
    status, body, headers = render_unknown(instance=exchange.request_id)
    exchange.history.slug = "internal"
    if exchange.history.sends:
        exchange.history.note = "unknown"
    return web.Response(status=status, body=body, headers=headers)


def _place(error: BaseException) -> dict[str, object]:
    """Return where an unexpected error came from, without its text."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return {"error": type(error).__name__}
    return {
        "error": type(error).__name__,
        "file": frame.tb_frame.f_code.co_filename.rpartition("/")[2],
        "line": frame.tb_lineno,
    }
