"""One HTTP/1.1 connection to a subscriber, parsed by httptools.

A 2xx status line ends a delivery, whatever follows it: a response that is malformed,
cut, endless or has fields of any length must not make the subscriber get an event
again. What follows the status only decides whether the connection can be used again.

Source: docs/adr/0010-inbox.md.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from httptools.parser.errors import HttpParserInvalidStatusError

_LARGEST: Final = 64 * 1024  # bytes of a response; more ends the connection
_REST_TIMEOUT: Final = 5.0  # s for what follows the status
_OK, _REDIRECTION = 200, 300
_SWITCHING: Final = 101


class ConnectionEnded(Exception):  # noqa: N818 - named for what happened
    """The connection ended, or carried something else than HTTP, before a status."""


@dataclass(frozen=True, slots=True)
class Response:
    """The parts of a response that the gateway uses."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)  # lower-case names


class SubscriberConnection(asyncio.Protocol):
    """Carries one request at a time.

    The methods `on_message_begin` to `on_message_complete` are callbacks of httptools.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_idle: Callable[["SubscriberConnection"], None],
    ) -> None:
        """Create a connection that has no transport yet.

        Args:
            loop: The running one.
            on_idle: Called when the response is complete and the next request may be
                sent.
        """
        self._loop = loop
        self._on_idle = on_idle
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._response: asyncio.Future[Response] | None = None
        self._rest_timer: asyncio.TimerHandle | None = None
        self._headers: dict[str, str] = {}
        self._size = 0  # bytes of the response so far
        self._keep_alive = self._complete = False
        self.status = 0  # of the response; 0: not known yet
        self.opened = loop.time()  # s
        self.idle_since = 0.0  # s

    @property
    def usable(self) -> bool:
        """Whether a request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def heard(self) -> bool:
        """Whether a part of a response to the last request arrived."""
        return self._size > 0

    def send(self, request: bytes) -> "asyncio.Future[Response]":
        """Send a request; the future is done at a 2xx status, or a whole head.

        It fails with `ConnectionEnded` where there is no status.
        """
        # A used parser has the last response's status until it reads the next one.
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)
        self.status = self._size = 0
        self._keep_alive = self._complete = False
        self._response = response = self._loop.create_future()
        if self._transport is None or self._transport.is_closing():
            response.set_exception(ConnectionEnded())
        else:
            self._transport.write(request)
        return response

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's are none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Complete the response with what is known of it."""
        del exc
        self._end()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Parse a part of the response; without a request, close the connection."""
        if self._response is None:
            self.abort()
            return
        self._size += len(data)
        ended = self._size > _LARGEST
        try:
            self._parser.feed_data(data)
        except HttpParserInvalidStatusError:
            self._end()
            return
        except (HttpParserError, HttpParserUpgrade):
            ended = True
        self._read_status()
        if ended or self._complete:
            self._end(reusable=not ended and self._reusable())
        elif _OK <= self.status < _REDIRECTION:
            self._resolve()
        if self._rest_timer is None and self._response and self._response.done():
            self._rest_timer = self._loop.call_later(_REST_TIMEOUT, self.abort)

    def on_message_begin(self) -> None:
        """Begin a response, the first or the one after an interim response.

        Raises:
            ValueError: there was a response already; the parser stops.
        """
        if self.status:
            raise ValueError("a second response to one request")
        self._headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header field."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Give the response to the caller, unless it is an interim one."""
        self._read_status()
        if self.status:
            self._keep_alive = self._parser.should_keep_alive()
            self._resolve()

    def on_message_complete(self) -> None:
        """Note the end of a final response."""
        self._complete = self.status > 0

    def _read_status(self) -> None:
        status = self._parser.get_status_code()  # of the digits so far
        if not self.status and (status >= _OK or status == _SWITCHING):
            self.status = status

    def _reusable(self) -> bool:
        # A request that is still being written would be cut by the next one.
        unsent = self._transport is None or self._transport.get_write_buffer_size() > 0
        return self._keep_alive and not unsent

    def _resolve(self) -> None:
        if self._response is not None and not self._response.done():
            self._response.set_result(Response(self.status, self._headers))

    def _end(self, *, reusable: bool = False) -> None:
        """Complete the response; return the connection, or close it."""
        if self.status:
            self._resolve()
        elif self._response is not None and not self._response.done():
            self._response.set_exception(ConnectionEnded())
        self._response = None
        if self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None
        if reusable:
            self.idle_since = self._loop.time()
            self._on_idle(self)
        else:
            self.abort()
