"""How does a caller's request become an exchange, and an outcome an answer?"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from aiohttp import web

from gateway.admission.policy import check_method
from gateway.core.dinie_routes import NOT_REPEATABLE
from gateway.core.errors import (
    BadRequest,
    GatewayError,
    OriginForbidden,
    OutcomeUnknown,
)
from gateway.core.exchange import EMPTY_BODY, Exchange
from gateway.core.origin import OriginRule
from gateway.core.peer import is_local
from gateway.core.problems import render_unknown
from gateway.core.stage import EXCHANGE, Handler
from gateway.core.target_cache import Kept
from gateway.credentials.policy import classify_bearer
from gateway.forwarding.policy import (
    check_target,
    inbound_headers,
    plain_path,
    strip_prefix,
)
from gateway.forwarding.spellings import LenientRules
from gateway.server.proxy_request import ProxyRequest, check_form
from gateway.server.responses import mark, problem
from gateway.server.unreadable import reason

_CLOSED = 499  # no answer went out; nginx's number for that
_log = structlog.get_logger("gateway.server")


class Telemetry(Protocol):
    """Hears of every finished exchange."""

    def finished(self, exchange: Exchange, status: int) -> None:
        """Record an exchange that has its answer."""


class Proxy:
    """The handler of the proxy listener: raise anywhere below, rendered once here."""

    def __init__(
        self,
        handler: Handler,
        *,
        origin: OriginRule,
        prefixes: Sequence[str],
        environment: str,
        telemetry: Telemetry,
        clock: Callable[[], float],
        request_ids: Callable[[str | None], tuple[str, str]],
        route_of: Callable[[str], str],
    ) -> None:
        """Wire the boundary.

        Args:
            handler: The stages around the forwarding handler.
            origin: Says which requests are a web page's.
            prefixes: Stripped from inbound paths; the first that fits.
            environment: Named in the answers.
            telemetry: Hears of every finished exchange.
            clock: Monotonic, s.
            request_ids: Takes the caller's id, returns ours and the one to echo.
            route_of: Returns the template of a plain path.
        """
        self._handler = handler
        self._origin = origin
        self._prefixes = tuple(sorted(prefixes, key=len, reverse=True))
        self._environment = environment
        self._telemetry = telemetry
        self._clock = clock
        self._request_ids = request_ids
        self._route_of = route_of
        self._not_repeatable = LenientRules(NOT_REPEATABLE, prefixes=prefixes)
        self._targets: Kept[tuple[str, str, str | None, str, str]] = Kept()
        self.closing = False  # in the accept phase of a drain: one answer a connection

    async def __call__(self, request: ProxyRequest) -> web.StreamResponse:
        """Answer one request, whatever happens below."""
        request_id, echoed = self._request_ids(request.headers.get("X-Request-Id"))
        exchange = Exchange(
            request_id, request.method, "", self._clock(), request, echoed
        )
        request[EXCHANGE] = exchange
        request.last = self.closing
        try:
            self._read_head(request, exchange)
            response = await self._handler(request)
        except GatewayError as error:
            response = problem(error, exchange, request)
            if exchange.caller_gone and not isinstance(error, OutcomeUnknown):
                exchange.slug = "caller-gone"  # no fault of Dinie's or ours
        except asyncio.CancelledError:
            # Only a drain that ran out of time cancels; it shall be seen all the same.
            exchange.slug = "cancelled"
            self._telemetry.finished(exchange, _CLOSED)
            raise
        except Exception as error:  # noqa: BLE001 - the last boundary
            # The type and the place are ours; the text might hold a caller's data.
            _log.error("request_failed", request_id=request_id, **_place(error))
            response = _broken(exchange, request)
        finally:
            exchange.let_go()
            exchange.body.close()
            # Request and exchange hold each other: a cycle for each request otherwise.
            exchange.peer = None
        if not response.prepared:
            self._mark(response, exchange)
        self._telemetry.finished(exchange, response.status)
        # The connection keeps its last request until the next one: not its bodies.
        exchange.answer, exchange.body = None, EMPTY_BODY
        return response

    def refuse_unread(self, error: BaseException | None) -> web.Response:
        """Return and record the response to what the HTTP parser does not take."""
        request_id, echoed = self._request_ids(None)
        exchange = Exchange(request_id, "OTHER", "", self._clock(), None, echoed)
        response = problem(BadRequest(reason(error)), exchange)
        self._mark(response, exchange)
        self._telemetry.finished(exchange, response.status)
        return response

    def _read_head(self, request: ProxyRequest, exchange: Exchange) -> None:
        """Fill in the exchange from the request's head.

        Raises:
            GatewayError: the request is refused.
        """
        check_method(exchange.method)
        raw = request.raw_path
        check_form(request)
        why = self._origin.refusal(request.headers)
        if why is not None and (
            not self._origin.remote_pages or is_local(request.remote, request.transport)
        ):
            raise OriginForbidden(why)
        seen = self._targets.get(raw)
        if seen is None:
            seen = self._targets.keep(raw, self._read_target(raw))
        exchange.target, exchange.path, exchange.query, plain, exchange.route = seen
        exchange.plain_path = plain
        exchange.headers, control = inbound_headers(request.headers.items())
        exchange.control = control
        exchange.content_type = control.get("content-type", "")
        exchange.own_bearer = classify_bearer(control.get("authorization")) == "own"
        priority = control.get("x-gateway-priority")
        exchange.background = priority == "background"
        exchange.interactive = priority != "batch" and not exchange.background
        retries = control.get("x-dinie-retry-count", "0")
        exchange.retrying_caller = retries.isdigit() and retries.strip("0") != ""
        exchange.repeatable = not self._not_repeatable(exchange.path)

    def _read_target(self, raw: str) -> tuple[str, str, str | None, str, str]:
        """Return target, path, query, plain path and route of a request target.

        Raises:
            BadRequest: it could mean two things to two servers.
        """
        check_target(raw)
        target = strip_prefix(raw, self._prefixes)
        path, mark, query = target.partition("?")
        plain = plain_path(path)
        return target, path, query if mark else None, plain, self._route_of(plain)

    def _mark(self, response: web.StreamResponse, exchange: Exchange) -> None:
        """Add what every answer of the gateway says about itself."""
        mark(
            response.headers,
            exchange,
            echoed=exchange.echoed_id,
            environment=self._environment,
            took=self._clock() - exchange.started,
        )
        if self.closing:
            response.force_close()


def _broken(exchange: Exchange, request: ProxyRequest) -> web.Response:
    """Return the answer for a fault of ours; what it left behind may be unknown."""
    if exchange.method == "POST" and exchange.sends:
        key = f" with Idempotency-Key: {exchange.key}" if exchange.repeatable else ""
        return problem(
            OutcomeUnknown(f"The gateway failed after a send. Repeat it{key}."),
            exchange,
            request,
        )
    status, body, headers = render_unknown(instance=exchange.request_id)
    exchange.slug = "internal"
    if exchange.sends:
        exchange.note = "unknown"
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
