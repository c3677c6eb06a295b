"""How does one attempt go out, without what a client session does for other programs?

Redirects, cookies, default headers, `.netrc`, proxies and a second send behind our back
are a session's business, and looking for each of them costs more than the request. The
connector, the parser and the response are aiohttp's as ever. ADR 8 says what that
leans on.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import (
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    hdrs,
)
from aiohttp.client_middlewares import ClientHandlerType
from aiohttp.connector import Connection
from aiohttp.helpers import TimerNoop
from aiohttp.http import HttpVersion11, StreamWriter
from aiohttp.tracing import Trace
from multidict import CIMultiDict
from yarl import URL

from gateway.core.exchange import Exchange
from gateway.forwarding.limits import (
    RESPONSE_FIELD,
    RESPONSE_FIELDS,
    RESPONSE_REASON,
)
from gateway.upstream.connector import (
    AskedConnector,
    AskedHandler,
    PoolTimeoutError,
)
from gateway.upstream.resolver import Resolver

_KEEPALIVE = 10.0  # s; below what servers keep, so that they do not close first
_READ_BUFFER = 64 * 1024  # bytes
_AT_ONCE = 64 * 1024  # bytes; a longer body waits for the socket, in a task of its own
_DNS_TTL = 30  # s; a busy connector would keep an address for hours
_NO_TYPE = CIMultiDict({"Content-Type": None})
_NO_TIMER = TimerNoop()
_NO_TRACES: list[Trace] = []


class AttemptRequest(ClientRequest):
    """A request that says only what it is told, and notes when it is written."""

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

    async def send(self, conn: Connection) -> ClientResponse:
        """Write the request; from here on it counts as sent."""
        if self.exchange.before_send is not None:
            await self.exchange.begin_send()
        # Only now: the disk may take its time, and the connection is idle meanwhile.
        protocol = conn.protocol
        assert isinstance(protocol, AskedHandler)  # noqa: S101 - see `Sender.send`
        protocol.begin()
        if self.on_send is not None:
            self.on_send()
        self.exchange.sends += 1
        if self._body is not None or protocol.writing_paused:
            if self._whole:
                del self.headers[hdrs.CONTENT_LENGTH]  # it is set with the body
                self.update_body_from_data(self._whole)
            return await super().send(conn)
        # Head and body in one write; without a wait, since Dinie may answer first.
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
    """A pool of connections; stands where aiohttp-retry expects a client session."""

    def __init__(
        self, *, pool_size: int, connect: float, ssl_context: ssl.SSLContext | None
    ) -> None:
        """Open the pool, inside a running loop.

        Args:
            pool_size: Connections at once; who comes later waits for one.
            connect: Limit of that wait and of connecting, s; all else is timed by the
                sweeper.
            ssl_context: None: the system's trust.
        """
        self._connector = AskedConnector(
            limit=pool_size,
            keepalive_timeout=_KEEPALIVE,
            resolver=Resolver(timeout=connect, fresh=_DNS_TTL),
            use_dns_cache=False,
            ssl=ssl_context if ssl_context is not None else True,
        )
        self._loop = asyncio.get_running_loop()
        self._timeout = ClientTimeout(total=None, connect=connect)

    def request(
        self,
        method: str,
        url: URL,
        *,
        exchange: Exchange,
        attempt: ClientHandlerType,
        data: Any = None,
        **_: Any,
    ) -> Awaitable[ClientResponse]:
        """Make one attempt of an exchange.

        Args:
            method: The exchange's; named because aiohttp-retry names it.
            url: Of the upstream, already encoded.
            exchange: Whose request it is.
            attempt: Makes it, with `send` at its end.
            data: The body: bytes, an aiohttp payload, or None.

        Raises:
            Exception: what `attempt` makes of aiohttp's.
        """
        del method
        return attempt(AttemptRequest(exchange, url, data, self._loop))

    async def close(self) -> None:
        """Close the connections."""
        await self._connector.close()

    async def send(self, request: ClientRequest) -> ClientResponse:
        """Send an attempt; return when the head of its answer is here.

        Raises:
            ClientError: or OSError, as from a client session.
        """
        assert isinstance(request, AttemptRequest)  # noqa: S101 - see `request`
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
        assert isinstance(protocol, AskedHandler)  # noqa: S101 - just taken
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


def drop(response: ClientResponse) -> None:
    """End an answer and its connection at once.

    Closing would wait until the rest of the request has been written: an attempt that
    was given up could still arrive, after its own repetition.
    """
    connection = response.connection
    if connection is not None and connection.protocol is not None:
        connection.protocol.abort()
    response.close()
