"""Serves the proxy and the admin listener on bound sockets, and stops them."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from aiohttp import web
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import _ErrInfo

from gateway.forwarding.limits import REQUEST_FIELD, REQUEST_FIELDS, REQUEST_TARGET
from gateway.server.new_connections import (
    NewConnections,
    most_idle_connections,
    most_new_connections,
)
from gateway.server.proxy_request import ProxyRequest
from gateway.server.readers import Readers
from gateway.server.sockets import BoundSockets
from gateway.server.unreadable import plain_refusal

Refusal = Callable[[BaseException | None], web.Response]

_LIMITS: Final[dict[str, Any]] = {
    "max_line_size": REQUEST_TARGET,
    "max_field_size": REQUEST_FIELD,
    "max_headers": REQUEST_FIELDS,
}
_BAD_REQUEST: Final = 400
_KEEPALIVE = 75.0  # s that a connection may be idle; also bounds a slow head
_HANDSHAKE = 5.0  # s for a TLS handshake; asyncio's default of 60 holds descriptors
_LINGER = 2.0  # s for which a refused caller's body is read, so it gets the response
_SEND_BUFFER = 256 * 1024  # bytes of a response in the system's buffer
_SHUTDOWN = 5.0  # s; our own drain comes first


class _Protocol(web.RequestHandler):
    """Responds to what the parser refuses without repeating any of it."""

    refusal: Refusal | None = None  # None: log it, and respond with a plain 400

    def data_received(self, data: bytes) -> None:
        """Parse what arrives; end the reading of a body that turns out malformed."""
        super().data_received(data)
        messages = self._messages
        if messages and isinstance(messages[-1][0], _ErrInfo):
            self._end_body(messages[-2][1] if len(messages) > 1 else None)

    def _end_body(self, body: StreamReader | None) -> None:
        """Fail the reader of an incomplete body that precedes a parser fault.

        aiohttp does not: the reader would wait until its own timeout.
        """
        if body is None and self._current_request is not None:
            body = self._current_request.content
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(web.RequestPayloadError("malformed"))

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return a problem; aiohttp's response would repeat the malformed bytes."""
        del message
        if status != _BAD_REQUEST or self.refusal is None:
            # It logs, and raises if a response has begun.
            plain = super().handle_error(request, status, exc, "malformed HTTP request")
            if status != _BAD_REQUEST:
                return plain
        refused = (self.refusal or plain_refusal)(exc)
        refused.force_close()
        return refused


class _CallerProtocol(_Protocol):
    """Tracks whether the peer has sent a request, and whether it reads responses."""

    _new_connections: NewConnections
    _idle: NewConnections
    _readers: Readers
    _wire: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the peer counts as slow from the first byte that it does not take."""
        self._wire = cast("asyncio.WriteTransport", transport)
        self._wire.set_write_buffer_limits(high=1)
        sock = transport.get_extra_info("socket")
        if sock is not None:  # our limits do not see the bytes in it
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._new_connections.add(self._wire)
        super().connection_made(transport)

    def request_begun(self) -> None:
        """Count the connection as one that has sent a request head."""
        self._new_connections.remove(self._wire)
        self._idle.remove(self._wire)

    def log_access(
        self, request: web.BaseRequest, response: web.StreamResponse, time: float | None
    ) -> None:
        """Count the connection as idle; aiohttp calls this after each response."""
        del request, response, time
        if not self._wire.is_closing():
            self._idle.add(self._wire)

    def pause_writing(self) -> None:
        """Count the peer as one that does not take what is written."""
        super().pause_writing()
        self._readers.behind(self._wire)

    def resume_writing(self) -> None:
        """Count the peer as one that has taken everything."""
        super().resume_writing()
        self._readers.caught_up(self._wire)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection; bytes that the peer did not take are lost."""
        self._new_connections.remove(self._wire)
        self._idle.remove(self._wire)
        self._readers.caught_up(self._wire)
        super().connection_lost(exc)


class _Server(web.Server):
    """The low-level server with our protocol."""

    def __call__(self) -> web.RequestHandler:
        return _Protocol(self, loop=self._loop, **self._kwargs)


class _CallerServer(web.Server):
    """The low-level server for callers' connections."""

    new_connections: NewConnections
    idle: NewConnections
    readers: Readers
    refusal: Refusal | None = None

    def __call__(self) -> web.RequestHandler:
        protocol = _CallerProtocol(self, loop=self._loop, **self._kwargs)
        protocol._new_connections = self.new_connections  # noqa: SLF001 - its constructor is
        protocol._idle = self.idle  # noqa: SLF001 - aiohttp's
        protocol._readers = self.readers  # noqa: SLF001 - aiohttp's
        protocol.refusal = self.refusal
        return protocol


class _AppRunner(web.AppRunner):
    """Runs an application behind our protocol."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            **made._kwargs,  # noqa: SLF001 - what the application asked for
        )


class Listener:
    """The sockets of one address and the connections that came through them."""

    def __init__(
        self, runner: web.BaseRunner, bound: BoundSockets, tls: ssl.SSLContext | None
    ) -> None:
        """Serve nothing yet.

        Args:
            runner: Creates the server; not set up yet.
            bound: Listening sockets, closed together with this.
            tls: None: plain.
        """
        self._runner = runner
        self._bound = bound
        self._tls = tls
        self._servers: list[asyncio.AbstractServer] = []
        self.address = bound.address

    async def start(self) -> None:
        """Accept connections."""
        await self._runner.setup()
        protocols: Any = self._runner.server
        loop = asyncio.get_running_loop()
        how: dict[str, Any] = {"ssl": self._tls}
        if self._tls is not None:
            how["ssl_handshake_timeout"] = _HANDSHAKE
        for sock in self._bound.sockets:
            unix = sock.family == socket.AF_UNIX
            make = loop.create_unix_server if unix else loop.create_server
            self._servers.append(await make(protocols, sock=sock, **how))

    async def stop_accepting(self) -> None:
        """Close the sockets; connections go on."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()
        self._bound.close()

    async def close(self) -> None:
        """Close everything, handlers in flight included."""
        await self.stop_accepting()
        await self._runner.cleanup()


async def listen_proxy(
    handler: Callable[[Any], Awaitable[web.StreamResponse]],
    bound: BoundSockets,
    *,
    logger: logging.Logger,
    tls: ssl.SSLContext | None = None,
    readers: Readers | None = None,
    refusal: Refusal | None = None,
) -> Listener:
    """Start the proxy listener: the low-level server, without an application.

    Args:
        handler: Handles each request.
        bound: Where to accept connections.
        logger: Takes what the parser refuses.
        tls: None: plain.
        readers: Track the connections that do not take what is written; None: a set of
            its own.
        refusal: Makes the response to what the parser refuses, and records it; None:
            it is logged, and the response is a plain problem.
    """
    server = _CallerServer(
        handler,
        request_factory=_request,
        handler_cancellation=False,  # a POST that was sent is finished and recorded
        access_log=None,  # the request log writes the one line of a request
        auto_decompress=False,  # bodies pass as they are
        keepalive_timeout=_KEEPALIVE,
        lingering_time=_LINGER,
        logger=logger,
        **_LIMITS,
    )
    loop = asyncio.get_running_loop()
    server.new_connections = NewConnections(most_new_connections())
    server.idle = NewConnections(most_idle_connections())
    server.readers = Readers(loop, loop.time) if readers is None else readers
    server.refusal = refusal
    runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN)
    return await _started(Listener(runner, bound, tls))


async def listen_application(
    application: web.Application, bound: BoundSockets, *, logger: logging.Logger
) -> Listener:
    """Start a listener for an ordinary application.

    Args:
        application: Handles the requests.
        bound: Where to accept connections.
        logger: Takes what the parser refuses.
    """
    runner = _AppRunner(
        application,
        access_log=None,
        logger=logger,
        shutdown_timeout=_SHUTDOWN,
        keepalive_timeout=_KEEPALIVE,
        **_LIMITS,
    )
    return await _started(Listener(runner, bound, None))


async def _started(listener: Listener) -> Listener:
    try:
        await listener.start()
    except BaseException:
        await listener.close()
        raise
    return listener


def _request(
    message: Any, payload: Any, protocol: Any, writer: Any, task: Any
) -> web.BaseRequest:
    request = ProxyRequest(message, payload, protocol, writer, task, task.get_loop())
    request.head = message
    protocol.request_begun()
    return request
