"""Reads what a request's head says, once, into its exchange."""

from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from aiohttp import web

from gateway.admission.policy import check_method
from gateway.core.bounded_cache import BoundedCache
from gateway.core.dinie_routes import NOT_REPEATABLE
from gateway.core.errors import OriginForbidden
from gateway.core.exchange import Exchange, Head, Target
from gateway.core.origin import OriginRule
from gateway.core.peer import is_local
from gateway.core.stage import EXCHANGE, Handler
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
        self._targets: BoundedCache[Target] = BoundedCache()

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
        target = self._targets.get(raw)
        if target is None:
            target = self._targets.keep(raw, self._read_target(raw))
        exchange.target = target
        headers, control = inbound_headers(request.headers.items())
        priority = control.get("x-gateway-priority")
        background = priority == "background"
        retries = control.get("x-dinie-retry-count", "0")
        exchange.head = Head(
            headers,
            control,
            control.get("content-type", ""),
            priority != "batch" and not background,
            background,
            retries.isdigit() and retries.strip("0") != "",
        )
        exchange.own_bearer = classify_bearer(control.get("authorization")) == "own"

    def _read_target(self, raw: str) -> Target:
        """Return what a raw request target says.

        Raises:
            BadRequest: it could mean two things to two servers.
        """
        check_target(raw)
        target = strip_prefix(raw, self._prefixes)
        path = target.partition("?")[0]
        plain = plain_path(path)
        repeatable = not self._not_repeatable(path)
        return Target(target, path, plain, self._route_of(plain), repeatable)
