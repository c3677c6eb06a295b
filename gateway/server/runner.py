"""Which sockets listen, and how do they stop?"""

import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import web

from gateway.server.request import ProxyRequest

_FIELD_LIMIT = 16 * 1024  # bytes of a header line, as towards Dinie
_KEEPALIVE = 75.0  # s an idle caller may keep its connection; also bounds a slow head
_LINGER = 2.0  # s to take in what a refused caller still sends, so that it reads why
_SHUTDOWN = 5.0  # s; our own drain came first
_BACKLOG = 1024


class Address(Protocol):
    """Where to listen: `host:port` or `unix:/path`."""

    @property
    def host(self) -> str | None:
        """Return the host of a TCP address."""

    @property
    def port(self) -> int | None:
        """Return the port of a TCP address."""

    @property
    def path(self) -> str | None:
        """Return the path of a Unix socket."""


class _Protocol(web.RequestHandler):
    """Answers what the parser refuses without repeating any of it."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return a plain answer; aiohttp's shows the bytes it did not understand."""
        del message
        return super().handle_error(request, status, exc, "malformed HTTP request")


class _Server(web.Server):
    """The low-level server with our protocol."""

    def __call__(self) -> web.RequestHandler:
        return _Protocol(self, loop=self._loop, **self._kwargs)


class Listener:
    """One listening socket and the connections that came through it."""

    def __init__(self, runner: web.BaseRunner, site: web.BaseSite) -> None:
        self._runner = runner
        self._site = site

    @property
    def address(self) -> str:
        """Return where it really listens: `host:port`, or the path of a socket."""
        bound = self._runner.addresses[0]
        if isinstance(bound, tuple):
            host, port = bound[:2]
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return f"unix:{bound}"

    async def stop_accepting(self) -> None:
        """Close the socket; connections go on."""
        await self._site.stop()

    async def close(self) -> None:
        """Close everything, handlers in flight included."""
        await self._runner.cleanup()


async def listen_proxy(
    handler: Callable[[Any], Awaitable[web.StreamResponse]],
    address: Address,
    *,
    logger: logging.Logger,
    tls: ssl.SSLContext | None = None,
) -> Listener:
    """Start the proxy listener: the low-level server, without an application."""
    server = _Server(
        handler,
        request_factory=_request,
        handler_cancellation=False,  # a POST on its way is finished and recorded
        access_log=None,  # one line per request is ours to write
        auto_decompress=False,  # bodies pass as they are
        keepalive_timeout=_KEEPALIVE,
        lingering_time=_LINGER,
        max_line_size=_FIELD_LIMIT,
        max_field_size=_FIELD_LIMIT,
        logger=logger,
    )
    runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN)
    return await _listen(runner, address, tls)


async def listen_application(
    application: web.Application, address: Address, *, logger: logging.Logger
) -> Listener:
    """Start a listener for an ordinary application."""
    runner = web.AppRunner(
        application,
        access_log=None,
        logger=logger,
        shutdown_timeout=_SHUTDOWN,
        keepalive_timeout=_KEEPALIVE,
    )
    return await _listen(runner, address)


async def _listen(
    runner: web.BaseRunner, address: Address, tls: ssl.SSLContext | None = None
) -> Listener:
    await runner.setup()
    site: web.BaseSite
    if address.path is not None:
        site = web.UnixSite(runner, address.path, backlog=_BACKLOG, ssl_context=tls)
    else:
        site = web.TCPSite(
            runner, address.host, address.port, backlog=_BACKLOG, ssl_context=tls
        )
    try:
        await site.start()
    except BaseException:
        await runner.cleanup()
        raise
    return Listener(runner, site)


def _request(
    message: Any, payload: Any, protocol: Any, writer: Any, task: Any
) -> web.BaseRequest:
    request = ProxyRequest(message, payload, protocol, writer, task, task.get_loop())
    request.head = message
    return request
