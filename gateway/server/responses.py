"""Builds responses to callers: Dinie's, relayed, and the gateway's own problems."""

from http import HTTPStatus

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from multidict import CIMultiDict

from gateway.core.errors import (
    BadRequest,
    CallerUnknown,
    GatewayError,
    MethodNotAllowed,
    OriginForbidden,
    OutcomeUnknown,
)
from gateway.core.exchange import Exchange, milliseconds
from gateway.core.problems import CATALOGUE, render, retry_after_seconds
from gateway.core.upstream_response import UpstreamResponse
from gateway.forwarding.policy import outbound_headers

_BODILESS = frozenset({204, 304})
# Refused before its sender was known: such a connection is not kept.
_UNIDENTIFIED = frozenset(
    {BadRequest, CallerUnknown, MethodNotAllowed, OriginForbidden}
)


def mark(
    headers: CIMultiDict[str],
    exchange: Exchange,
    *,
    echoed: str,
    environment: str,
    took: float,
) -> None:
    """Add the headers of the gateway, which every response carries.

    Args:
        headers: Of the response; changed.
        exchange: Of the request.
        echoed: The `X-Request-Id`, where Dinie sent none.
        environment: Of the gateway.
        took: s, so far.
    """
    history = exchange.history
    if history.note is not None:
        headers["X-Gateway-Retry"] = history.note
    if history.retry_after is not None and "Retry-After" not in headers:
        # Dinie may say it by X-RateLimit-Reset alone, which no SDK waits for.
        headers["Retry-After"] = retry_after_seconds(history.retry_after)
    if exchange.key is not None:
        headers["Idempotency-Key"] = exchange.key
    if "X-Request-Id" not in headers:
        headers["X-Request-Id"] = echoed
    waits = history.waits
    queue = waits.queue + waits.permit
    own = max(0.0, took - queue - waits.token - waits.backoff - waits.upstream)
    timing = (
        f"queue;dur={milliseconds(queue)}, token;dur={milliseconds(waits.token)}, "
        f"upstream;dur={milliseconds(waits.upstream)}, "
        f"backoff;dur={milliseconds(waits.backoff)}, gateway;dur={milliseconds(own)}"
    )
    # At once: what Dinie says under these names was left out before.
    headers.extend(
        (
            ("X-Gateway-Request-Id", exchange.request_id),
            ("X-Gateway-Attempts", str(history.sends)),
            ("X-Gateway-Environment", environment),
            ("Server-Timing", timing),
        )
    )


def problem(
    error: GatewayError, exchange: Exchange, request: web.BaseRequest | None = None
) -> web.Response:
    """Return the problem of an error; a body left unread ends the connection.

    Args:
        error: Raised below.
        exchange: Of the request.
        request: None: it could not be read, and its connection ends anyway.
    """
    status, body, headers = render(error, instance=exchange.request_id)
    history = exchange.history
    history.slug = CATALOGUE[type(error)].slug
    history.untyped = False
    unknown = history.unknown_sends or exchange.in_doubt
    if unknown or type(error) is OutcomeUnknown:
        history.note = "unknown"
    response = web.Response(status=status, body=body, headers=headers)
    if type(error) in _UNIDENTIFIED:
        response.force_close()
    if request is not None and request.can_read_body and not request.content.is_eof():
        response.force_close()
    return response


def relayed_head(
    exchange: Exchange, response: UpstreamResponse
) -> tuple[int, str, CIMultiDict[str]]:
    """Return status, reason and headers of Dinie's response as they go on."""
    items, exchange.history.lost_headers = outbound_headers(response.headers.items())
    headers = CIMultiDict(items)
    exchange.history.untyped = "Content-Type" not in headers
    return response.status, _reason(response), headers


def _reason(response: UpstreamResponse) -> str:
    reason = response.reason
    if reason and reason.isascii() and reason.isprintable():
        return reason
    # Bytes that cannot stand in our status line; the phrase means nothing anyway.
    try:
        return HTTPStatus(response.status).phrase
    except ValueError:
        return ""


class Relayed(web.Response):
    """A whole response, written in one step and with no header invented."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write head and body; what has no body goes the base class's longer way."""
        body = self._body
        if self.prepared or not isinstance(body, bytes) or not body:
            return await super().prepare(request)
        if request.method == "HEAD" or self.status in _BODILESS:
            return await super().prepare(request)
        headers = self.headers
        headers[hdrs.CONTENT_LENGTH] = str(len(body))
        if hdrs.DATE not in headers:
            headers[hdrs.DATE] = rfc822_formatted_time()
        keep_alive = self.keep_alive
        if keep_alive is None:
            keep_alive = self._keep_alive = request.keep_alive
        version = request.version
        if keep_alive != (version >= HttpVersion11):  # not what the version implies
            headers[hdrs.CONNECTION] = "keep-alive" if keep_alive else "close"
        writer = request.writer
        status_line = f"HTTP/{version[0]}.{version[1]} {self.status} {self.reason}"
        await writer.write_headers(status_line, headers)
        # An idle connection keeps its last response: without the body, that is little.
        self._body = None
        await writer.write_eof(body)
        self._eof_sent = True
        return writer


def relayed_whole(exchange: Exchange, response: UpstreamResponse) -> web.Response:
    """Return Dinie's response, whose body was read whole."""
    status, reason, headers = relayed_head(exchange, response)
    if exchange.method != "HEAD" and status not in _BODILESS:
        headers.popall("Content-Length", None)  # it is set from the body
    return Relayed(status=status, reason=reason, headers=headers, body=response.body)


def abort(request: web.BaseRequest) -> None:
    """Drop the caller's connection without a proper end."""
    transport = request.transport
    if transport is not None:
        transport.abort()
