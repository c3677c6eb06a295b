"""Reads what a request's head says, once, into its exchange."""

from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from aiohttp import web

from gateway.admission.policy import check_method
from gateway.core.dinie_routes import NOT_REPEATABLE
from gateway.core.errors import OriginForbidden
from gateway.core.exchange import Exchange
from gateway.core.origin import OriginRule
from gateway.core.peer import is_local
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


class RequestHeadStage:
    """Refuses a head that could mean two things, before anything acts on it."""

    def __init__(
        self,
        *,
        origin: OriginRule,
        prefixes: Sequence[str],
        route_of: Callable[[str], str],
    ) -> None:
        """Read heads for one listener.

        Args:
            origin: Says which requests are a web page's.
            prefixes: Stripped from inbound paths; the longest that fits.
            route_of: Returns the template of a plain path.
        """
        self._origin = origin
        self._prefixes = tuple(sorted(prefixes, key=len, reverse=True))
        self._route_of = route_of
        self._not_repeatable = LenientRules(NOT_REPEATABLE, prefixes=prefixes)
        self._targets: Kept[tuple[str, str, str | None, str, str]] = Kept()

    def __call__(
        self, request: web.BaseRequest, handler: Handler
    ) -> Awaitable[web.StreamResponse]:
        """Fill in the exchange from the request's head, then go on.

        Raises:
            GatewayError: the request is refused.
        """
        self._read(cast("ProxyRequest", request), request[EXCHANGE])
        return handler(request)

    def _read(self, request: ProxyRequest, exchange: Exchange) -> None:
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
