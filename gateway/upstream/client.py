"""Sends one attempt over a pooled connection, without a client session.

Redirects, cookies, default headers, `.netrc`, proxies and a hidden second send are a
session's business, and looking for each of them costs more than the request. The
connector, the parser and the response are aiohttp's. ADR 8 says what that relies on.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, cast

from aiohttp import (
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    hdrs,
)
from aiohttp.connector import Connection
from aiohttp.helpers import TimerNoop
from aiohttp.http import HttpVersion11, StreamWriter
from aiohttp.tracing import Trace
from multidict import CIMultiDict
from yarl import URL

from gateway.core.bounded_cache import BoundedCache
from gateway.core.exchange import Body, Exchange
from gateway.forwarding.limits import (
    RESPONSE_FIELD,
    RESPONSE_FIELDS,
    RESPONSE_REASON,
)
from gateway.upstream.base import Base
from gateway.upstream.connector import (
    DinieConnection,
    DinieConnector,
    PoolTimeoutError,
)
from gateway.upstream.payload import SpilledBody
from gateway.upstream.resolver import Resolver

_KEEPALIVE = 10.0  # s; below what servers keep, so that they do not close first
_READ_BUFFER = 64 * 1024  # bytes
_AT_ONCE = 64 * 1024  # bytes; a longer body waits for the socket, in a task of its own
_DNS_TTL = 30  # s; a busy connector would keep an address for hours
_NO_TYPE = CIMultiDict({"Content-Type": None})
_NO_TIMER = TimerNoop()
_NO_TRACES: list[Trace] = []


class AttemptRequest(ClientRequest):
    """A request without headers of its own, that counts as sent once it is written."""

    # What the base constructor, which is skipped, would set for each request anew.
    chunked = None
    compress = None
    length = None
    proxy = None
    proxy_auth = None
    proxy_headers = None
    response_class = ClientResponse
    server_hostname = None
    version = HttpVersion11
    _session = cast("ClientSession", None)
    _skip_auto_headers = _NO_TYPE
    _ssl = True  # the connector's own context
    _timer = _NO_TIMER
    _traces = _NO_TRACES
    _whole = b""  # a body short enough to go out with the head
    on_send: Callable[[], None] | None = None  # may refuse, by raising
    connecting = False  # whether a connection was being made for it

    def __init__(  # the base has twenty more, all for what is not done here
        self, exchange: Exchange, url: URL, data: Any, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Take an exchange's headers, and its body as bytes or an aiohttp payload."""
        self.exchange = exchange
        self.method = exchange.method
        self.original_url = self.url = url
        self.loop = loop
        self.headers = CIMultiDict(((hdrs.HOST, url.host_port_subcomponent or ""),))
        if isinstance(data, bytes) and len(data) <= _AT_ONCE:
            self._whole = data
            self.headers[hdrs.CONTENT_LENGTH] = str(len(data))
        elif data is not None:  # for None, aiohttp would invent a Content-Length
            self.update_body_from_data(data)
        # As they came: in their order, and two that differ in case only stay two.
        self.headers.extend(exchange.outbound)
        if exchange.authorization is not None:
            self.headers[hdrs.AUTHORIZATION] = exchange.authorization

    async def send(self, conn: Connection) -> ClientResponse:
        """Write the request; from here on it counts as sent."""
        if self.exchange.before_send is not None:
            await self.exchange.begin_send()
        # Only now: the disk may take its time, and the connection is idle meanwhile.
        protocol = conn.protocol
        assert isinstance(protocol, DinieConnection)  # noqa: S101 - see `Sender.send`
        protocol.begin()
        if self.on_send is not None:
            self.on_send()
        self.exchange.history.sends += 1
        if self._body is not None or protocol.writing_paused:
            if self._whole:
                del self.headers[hdrs.CONTENT_LENGTH]  # it is set with the body
                self.update_body_from_data(self._whole)
            return await super().send(conn)
        # Head and body in one write; without a wait, since Dinie may respond first.
        writer = StreamWriter(protocol, self.loop)
        status_line = f"{self.method} {self.url.raw_path_qs} HTTP/1.1"
        await writer.write_headers(status_line, self.headers)
        if self._whole:
            await writer.write(self._whole, drain=False)
        writer.set_eof()
        return ClientResponse(
            self.method,
            self.url,
            writer=None,
            continue100=None,
            timer=_NO_TIMER,
            request_info=self.request_info,
            traces=_NO_TRACES,
            loop=self.loop,
            session=self._session,
            stream_writer=writer,
        )


class Sender:
    """A pool of connections to Dinie, and what is written to them."""

    def __init__(
        self,
        base: Base,
        *,
        pool_size: int,
        connect: float,
        ssl_context: ssl.SSLContext | None,
    ) -> None:
        """Open the pool, inside a running loop.

        Args:
            base: The upstream.
            pool_size: Connections at once; a later attempt waits for one.
            connect: Limit of that wait and of connecting, s; all else is timed by the
                sweeper.
            ssl_context: None: the system's trust.
        """
        self._connector = DinieConnector(
            limit=pool_size,
            keepalive_timeout=_KEEPALIVE,
            resolver=Resolver(timeout=connect, fresh=_DNS_TTL),
            use_dns_cache=False,
            ssl=ssl_context if ssl_context is not None else True,
        )
        self._base = base
        self._urls: BoundedCache[URL] = BoundedCache()
        self._loop = asyncio.get_running_loop()
        self._timeout = ClientTimeout(total=None, connect=connect)

    def request(self, exchange: Exchange) -> AttemptRequest:
        """Return a pristine request for one attempt of an exchange."""
        target = exchange.target.raw
        url = self._urls.get(target)
        if url is None:  # kept, since a URL keeps what the client works out
            url = self._urls.keep(target, self._base.url(target))
        return AttemptRequest(exchange, url, _payload(exchange.body), self._loop)

    async def close(self) -> None:
        """Close the connections."""
        await self._connector.close()

    async def send(self, request: AttemptRequest) -> ClientResponse:
        """Send an attempt; return when the head of its response is here.

        Raises:
            ClientError: or OSError, as from a client session.
        """
        request.connecting = False
        try:
            connection = await self._connector.connect(
                request, traces=_NO_TRACES, timeout=self._timeout
            )
        except TimeoutError as error:
            if not request.connecting:
                raise PoolTimeoutError("the pool is used up") from error
            raise ConnectionTimeoutError("connecting took too long") from error
        protocol = connection.protocol
        assert isinstance(protocol, DinieConnection)  # noqa: S101 - just taken
        try:
            protocol.set_response_params(
                timer=_NO_TIMER,
                skip_payload=request.method == "HEAD",
                read_until_eof=True,
                auto_decompress=False,
                read_bufsize=_READ_BUFFER,
                max_line_size=RESPONSE_REASON,
                max_field_size=RESPONSE_FIELD,
                max_headers=RESPONSE_FIELDS,
            )
            response = await request.send(connection)
            try:
                return await response.start(connection)
            except BaseException:
                drop(response)
                raise
        except BaseException:
            protocol.abort()
            connection.close()
            raise


def _payload(body: Body) -> bytes | SpilledBody | None:
    if body.file is not None:
        return SpilledBody(body.file, body.size)
    return body.data or None


def drop(response: ClientResponse) -> None:
    """End a response and its connection at once.

    Closing would wait until the rest of the request has been written: an attempt that
    was given up could still arrive, after its own repetition.
    """
    connection = response.connection
    if connection is not None and connection.protocol is not None:
        connection.protocol.abort()
    response.close()
