"""Takes a webhook to a subscriber: one POST, and one word on how it went."""

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
    SubscriberConnection,
)

_AGENT: Final = "dinie-gateway"
_IDLE: Final = 4.0  # s; below what servers keep, so that they do not close first
_OLDEST: Final = 60.0  # s; a busy connection would keep an address for hours
_MOST_IDLE: Final = 64  # connections to one place


class _NotConnectedError(Exception):
    """There is no connection; its text is the word for why."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a subscriber is."""

    tls: bool
    host: str
    port: int
    head: bytes  # of a request, up to its own headers

    @classmethod
    def of(cls, address: str) -> "_Place":
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
        """Take its parts, inside a running loop.

        Args:
            resolver: Looks names up; closed with the client. It must not let one dead
                name hold up another.
            ssl_context: None: the system's trust.
            clock: Unix, s; for a Retry-After that is a date.
        """
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._ssl_context = ssl_context
        self._resolver = resolver
        self._places: dict[str, _Place] = {}  # by URL; those of the configuration
        self._idle: dict[tuple[bool, str, int], list[SubscriberConnection]] = {}
        self._open_ones: WeakSet[SubscriberConnection] = WeakSet()
        self._sweep: asyncio.TimerHandle | None = None

    async def send(
        self,
        subscriber: SubscriberOptions,
        headers: Sequence[tuple[str, str]],
        body: bytes,
    ) -> AttemptResult:
        """POST a body once; a failure is a `AttemptResult`, never raised."""
        connection: SubscriberConnection | None = None
        try:
            place = self._place(subscriber.url)
            request = place.head + _fields(headers, len(body)) + body
            until = self._loop.time() + subscriber.timeout
            async with asyncio.timeout_at(until):
                connection = self._free(place) or await self._connect(place, until)
                reply = await connection.ask(request)
            return AttemptResult(
                reply.status, retry_after(reply.headers, unix=self._clock())
            )
        except _NotConnectedError as error:
            return AttemptResult(None, error=str(error))
        except TimeoutError:
            if connection is None:
                return AttemptResult(None, error="timeout")
            connection.abort()
            # Its status is known: the rest of the head did not come.
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
        for connection in list(self._open_ones):
            connection.abort()
        self._idle.clear()
        await self._resolver.close()

    def _place(self, url: str) -> _Place:
        place = self._places.get(url)
        if place is None:
            place = self._places[url] = _Place.of(url)
        return place

    def _free(self, place: _Place) -> SubscriberConnection | None:
        """Return a connection that is open and was used a moment ago."""
        connections = self._idle.get((place.tls, place.host, place.port), ())
        while connections:
            connection = connections.pop()
            if connection.usable and self._loop.time() - connection.freed < _IDLE:
                return connection
            connection.abort()
        return None

    def _freed(
        self, key: tuple[bool, str, int], connection: SubscriberConnection
    ) -> None:
        """Keep a connection for the next delivery."""
        connections = self._idle.setdefault(key, [])
        old = self._loop.time() - connection.opened > _OLDEST
        if old or len(connections) >= _MOST_IDLE:
            connection.abort()
            return
        connections.append(connection)
        if self._sweep is None:
            self._sweep = self._loop.call_later(_IDLE, self._close_idle)

    def _close_idle(self) -> None:
        """Close what was not used for a while."""
        self._sweep = None
        before = self._loop.time() - _IDLE
        for key, connections in list(self._idle.items()):
            kept = [one for one in connections if one.usable and one.freed > before]
            for connection in set(connections).difference(kept):
                connection.abort()
            self._idle[key] = kept
        if any(self._idle.values()):
            self._sweep = self._loop.call_later(_IDLE, self._close_idle)

    async def _connect(self, place: _Place, until: float) -> SubscriberConnection:
        """Open a connection to one of the addresses of a place; they share the time.

        Raises:
            _NotConnectedError: there is none to be had.
        """
        reason = "connect"
        addresses = await self._addresses(place)
        for tried, address in enumerate(addresses):
            left = (until - self._loop.time()) / (len(addresses) - tried)
            try:
                async with asyncio.timeout(left):
                    return await self._open(place, address)
            except ssl.SSLError:  # an OSError as well
                reason = "tls"
            except OSError as error:
                reason = "timeout" if isinstance(error, TimeoutError) else "connect"
        raise _NotConnectedError(reason)

    async def _addresses(self, place: _Place) -> list[str]:
        try:
            ip_address(place.host)
        except ValueError:
            try:
                found = await self._resolver.resolve(place.host, place.port, AF_UNSPEC)
            except OSError:
                raise _NotConnectedError("name") from None
            return [one["host"] for one in found]
        return [place.host]

    async def _open(self, place: _Place, address: str) -> SubscriberConnection:
        if place.tls and self._ssl_context is None:
            self._ssl_context = ssl.create_default_context()
        key = place.tls, place.host, place.port
        _, connection = await self._loop.create_connection(
            lambda: SubscriberConnection(self._loop, partial(self._freed, key)),
            address,
            place.port,
            ssl=self._ssl_context if place.tls else None,
            server_hostname=place.host.rstrip(".") if place.tls else None,
        )
        self._open_ones.add(connection)
        return connection


def _fields(headers: Sequence[tuple[str, str]], length: int) -> bytes:
    """Return the header fields of a request, and the end of its head.

    Raises:
        ValueError: one of them would be two.
    """
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    lines.append(f"Content-Length: {length}\r\n\r\n")
    text = "".join(lines)
    if text.count("\r") + text.count("\n") != 2 * len(lines) + 2:
        raise ValueError("a header holds a line end")
    return text.encode("latin-1")
