"""Sends a delivery to a subscriber: one POST, whose failure is a result.

Source: docs/adr/0010-inbox.md.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from socket import AF_UNSPEC
from typing import Final
from weakref import WeakSet

from aiohttp.abc import AbstractResolver
from yarl import URL

from gateway.core.retry_after import retry_after
from gateway.inbox.options import SubscriberOptions
from gateway.inbox.policy import AttemptResult
from gateway.subscribers.connection import (
    ConnectionEnded,
    Response,
    SubscriberConnection,
)

_AGENT: Final = "dinie-gateway"
_IDLE: Final = 4.0  # s; shorter than servers' timeouts, so that they do not close first
_OLDEST: Final = 60.0  # s; a busy connection would use an old address for hours
_MOST_IDLE: Final = 64  # connections to one address


class _NotConnectedError(Exception):
    """There is no connection; the text is the result's `error`."""


@dataclass(frozen=True, slots=True)
class _Target:
    """The address of a subscriber, and the begin of a request to it."""

    tls: bool
    host: str
    port: int
    head: bytes  # of a request, up to the delivery's own headers

    @classmethod
    def of(cls, address: str) -> "_Target":
        url = URL(address, encoded=True)
        head = (
            f"POST {url.raw_path_qs} HTTP/1.1\r\nHost: {url.host_port_subcomponent}\r\n"
            f"User-Agent: {_AGENT}\r\n"
        )
        host, port = url.raw_host or "", url.port or 0
        return cls(url.scheme == "https", host, port, head.encode("ascii"))


class HttpSubscriberClient:
    """Implements `SubscriberClient`, with the connections to all subscribers."""

    def __init__(
        self,
        *,
        resolver: AbstractResolver,
        ssl_context: ssl.SSLContext | None = None,
        clock: Callable[[], float],
    ) -> None:
        """Open nothing yet; call inside a running loop.

        Args:
            resolver: Looks names up; closed with the client. A name whose server does
                not respond must not delay another.
            ssl_context: None: the system's certificate authorities.
            clock: Unix, s; for a Retry-After that is a date.
        """
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._ssl_context = ssl_context
        self._resolver = resolver
        self._targets: dict[str, _Target] = {}  # by URL; those of the configuration
        self._idle: dict[tuple[bool, str, int], list[SubscriberConnection]] = {}
        self._connections: WeakSet[SubscriberConnection] = WeakSet()
        self._sweep: asyncio.TimerHandle | None = None

    async def send(
        self,
        subscriber: SubscriberOptions,
        headers: Sequence[tuple[str, str]],
        body: bytes,
    ) -> AttemptResult:
        """POST a body once; a failure is a result, and is never raised.

        Args:
            subscriber: The receiver.
            headers: Sent as they are.
            body: Sent as it is.
        """
        connection: SubscriberConnection | None = None
        try:
            target = self._target(subscriber.url)
            request = target.head + _fields(headers, len(body)) + body
            until = self._loop.time() + subscriber.timeout
            async with asyncio.timeout_at(until):
                connection = self._reuse(target)
                response = await _send_reused(connection, request)
                if response is None:
                    connection = await self._connect(target, until)
                    response = await connection.send(request)
            return AttemptResult(
                response.status, retry_after(response.headers, unix=self._clock())
            )
        except _NotConnectedError as error:
            return AttemptResult(None, error=str(error))
        except TimeoutError:
            if connection is None:
                return AttemptResult(None, error="timeout")
            connection.abort()
            # Where the status is known, only the rest of the head did not come.
            status = connection.status or None
            return AttemptResult(status, error="" if status else "timeout")
        except (ConnectionEnded, OSError, ValueError):
            return AttemptResult(None, error="dropped")
        except asyncio.CancelledError:
            if connection is not None:
                connection.abort()
            raise

    async def close(self) -> None:
        """Close the connections."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self._connections):
            connection.abort()
        self._idle.clear()
        await self._resolver.close()

    def _target(self, url: str) -> _Target:
        target = self._targets.get(url)
        if target is None:
            target = self._targets[url] = _Target.of(url)
        return target

    def _reuse(self, target: _Target) -> SubscriberConnection | None:
        """Return an idle connection that is still fresh; None: there is none."""
        connections = self._idle.get((target.tls, target.host, target.port), ())
        while connections:
            connection = connections.pop()
            if connection.usable and self._loop.time() - connection.idle_since < _IDLE:
                return connection
            connection.abort()
        return None

    def _returned(
        self, key: tuple[bool, str, int], connection: SubscriberConnection
    ) -> None:
        """Keep a connection for the next delivery, unless it is old."""
        connections = self._idle.setdefault(key, [])
        old = self._loop.time() - connection.opened > _OLDEST
        if old or len(connections) >= _MOST_IDLE:
            connection.abort()
            return
        connections.append(connection)
        if self._sweep is None:
            self._sweep = self._loop.call_later(_IDLE, self._close_idle)

    def _close_idle(self) -> None:
        """Close the connections that are idle for too long."""
        self._sweep = None
        before = self._loop.time() - _IDLE
        for key, connections in list(self._idle.items()):
            kept = [
                one for one in connections if one.usable and one.idle_since > before
            ]
            for connection in set(connections).difference(kept):
                connection.abort()
            self._idle[key] = kept
        if any(self._idle.values()):
            self._sweep = self._loop.call_later(_IDLE, self._close_idle)

    async def _connect(self, target: _Target, until: float) -> SubscriberConnection:
        """Connect to one of the target's addresses, which share the time.

        Raises:
            _NotConnectedError: no address can be connected.
        """
        reason = "connect"
        addresses = await self._addresses(target)
        for tried, address in enumerate(addresses):
            left = (until - self._loop.time()) / (len(addresses) - tried)
            try:
                async with asyncio.timeout(left):
                    return await self._open(target, address)
            except ssl.SSLError:  # an OSError as well
                reason = "tls"
            except OSError as error:
                reason = "timeout" if isinstance(error, TimeoutError) else "connect"
        raise _NotConnectedError(reason)

    async def _addresses(self, target: _Target) -> list[str]:
        try:
            ip_address(target.host)
        except ValueError:
            try:
                found = await self._resolver.resolve(
                    target.host, target.port, AF_UNSPEC
                )
            except OSError:
                raise _NotConnectedError("name") from None
            return [one["host"] for one in found]
        return [target.host]

    async def _open(self, target: _Target, address: str) -> SubscriberConnection:
        if target.tls and self._ssl_context is None:
            self._ssl_context = ssl.create_default_context()
        key = target.tls, target.host, target.port
        _, connection = await self._loop.create_connection(
            lambda: SubscriberConnection(self._loop, partial(self._returned, key)),
            address,
            target.port,
            ssl=self._ssl_context if target.tls else None,
            server_hostname=target.host.rstrip(".") if target.tls else None,
        )
        self._connections.add(connection)
        return connection


async def _send_reused(
    connection: SubscriberConnection | None, request: bytes
) -> Response | None:
    """Return the response on an idle connection; None: it has to go on a new one.

    A server that closes it at the moment of the request has not refused the delivery:
    without this, a server that keeps connections for a shorter time than this client
    uses up the attempts of events that never reach it.

    Raises:
        ConnectionEnded: the connection ended within the response.
    """
    if connection is None:
        return None
    try:
        return await connection.send(request)
    except ConnectionEnded:
        if connection.heard:
            raise
        return None


def _fields(headers: Sequence[tuple[str, str]], length: int) -> bytes:
    """Return the header fields of a request, and the end of its head.

    Raises:
        ValueError: a value contains a line end.
    """
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    lines.append(f"Content-Length: {length}\r\n\r\n")
    text = "".join(lines)
    if text.count("\r") + text.count("\n") != 2 * len(lines) + 2:
        raise ValueError("a header contains a line end")
    return text.encode("latin-1")
