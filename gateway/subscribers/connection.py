"""One HTTP/1.1 connection to a subscriber, that reads of a response what counts.

A 2xx status line ends a delivery, whatever follows it: a response that is malformed,
cut, endless or has fields of any length must not make the subscriber get an event
again. What follows the status only decides whether the connection can be used again.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?=[ \r\n])")
_PREFIX: Final = b"HTTP/1."
_STATUS_SIZE: Final = 13  # bytes that tell a status
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_LENGTH: Final = re.compile(r"[0-9]{1,9}")
_LARGEST: Final = 64 * 1024  # bytes of a head, or of a body; more ends the connection
_LONGEST_LINE: Final = 1024  # bytes of a chunk's size, or of a trailer
_REST: Final = 5.0  # s for what follows the status
_OK, _REDIRECTION = 200, 300
_SWITCHING: Final = 101
_BODILESS: Final = frozenset({204, 304})


class ConnectionEnded(Exception):  # noqa: N818 - named for what happened
    """The connection ended, or said something else than HTTP, before a status."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What counts of a response."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)  # lower-case names


class _Chunks:
    """The end of a chunked body; nothing of it is kept."""

    def __init__(self) -> None:
        self._left = 0  # bytes of a chunk, its line end included
        self._trailers = False

    def skip(self, buffer: bytearray) -> bool:
        """Take what has arrived out of the buffer; return whether the end is here.

        Raises:
            ValueError: it is no chunked body.
        """
        while True:
            taken = min(self._left, len(buffer))
            del buffer[:taken]
            self._left -= taken
            end = buffer.find(b"\n")
            if self._left or end < 0:
                if not self._left and len(buffer) > _LONGEST_LINE:
                    raise ValueError("a line is too long")
                return False
            line = bytes(buffer[:end]).rstrip(b"\r")
            del buffer[: end + 1]
            if self._trailers:
                if not line:
                    return True
                continue
            size = int(line.partition(b";")[0], 16)
            self._trailers = size == 0
            self._left = size + 2 if size else 0


class SubscriberConnection(asyncio.Protocol):
    """Carries one request at a time."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_free: Callable[["SubscriberConnection"], None],
    ) -> None:
        """Wire it.

        Args:
            loop: The running one.
            on_free: Called when the response is over and the next request may go out.
        """
        self._loop = loop
        self._on_free = on_free
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._reply: asyncio.Future[Reply] | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._body: int | _Chunks | None = None  # bytes that are left; None: not known
        self._headers: dict[str, str] | None = None
        self._version = b""
        self.status = 0  # of the response under way; 0: not known yet
        self.opened = loop.time()  # s
        self.freed = 0.0  # s

    @property
    def usable(self) -> bool:
        """Whether a request may go out."""
        transport = self._transport
        return transport is not None and not transport.is_closing()

    def ask(self, request: bytes) -> "asyncio.Future[Reply]":
        """Send a request; the result is there with a 2xx status, or a whole head.

        It fails with `ConnectionEnded` where there is no status.
        """
        self.status, self._headers, self._body = 0, None, None
        self._reply = reply = self._loop.create_future()
        if self._transport is None or self._transport.is_closing():
            reply.set_exception(ConnectionEnded())
        else:
            self._transport.write(request)
        return reply

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        # uvloop's are none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits what is known; nothing more comes."""
        del exc
        self._tell(ended=True)
        if self._rest is not None:
            self._rest.cancel()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take what arrives; a connection that speaks unasked is used no more."""
        if self._reply is None:
            self.abort()
            return
        self._buffer += data
        try:
            over = self._advance()
        except ValueError:
            over = None
        if over is False:
            self._tell(ended=False)
            self._limit()
            return
        reusable = bool(over) and self._reusable()
        self._tell(ended=True)
        self._reply = None
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if reusable:
            self.freed = self._loop.time()
            self._on_free(self)  # before the one who waits goes on, in a later step
        else:
            self.abort()

    def _advance(self) -> bool:
        """Read on; return whether the response is over.

        Raises:
            ValueError: it cannot be read further.
        """
        while not self.status:
            found = _STATUS.match(self._buffer)
            if found is None:
                begun = _PREFIX.startswith(self._buffer[: len(_PREFIX)])
                if len(self._buffer) >= _STATUS_SIZE or not begun:
                    raise ValueError("no status line")
                return False
            self._version, status = found[1], int(found[2])
            if status >= _OK or status == _SWITCHING:
                self.status = status
            elif self._head() is None:  # an interim response; the final one follows
                return False
        if self._headers is None:
            self._headers = self._head()
            if self._headers is None:
                return False
            self._body = _length(self.status, self._headers)
        return self._skip()

    def _head(self) -> dict[str, str] | None:
        """Take a head out of the buffer; None: it is not whole yet."""
        end = _HEAD_END.search(self._buffer)
        if (len(self._buffer) if end is None else end.start()) > _LARGEST:
            raise ValueError("the head is too long")
        if end is None:
            return None
        lines = self._buffer[: end.start()].decode("latin-1").split("\n")[1:]
        del self._buffer[: end.end()]
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            key = name.strip().lower()
            if key == "content-length" and key in headers:
                value = ""  # two of them: no length can be believed
            headers[key] = value.strip()
        return headers

    def _skip(self) -> bool:
        """Take the body out of the buffer; return whether its end is here."""
        if isinstance(self._body, _Chunks):
            return self._body.skip(self._buffer)
        if self._body is None or self._body > _LARGEST:
            raise ValueError("the body has no end that is worth waiting for")
        taken = min(self._body, len(self._buffer))
        del self._buffer[:taken]
        self._body -= taken
        return self._body == 0

    def _reusable(self) -> bool:
        headers = self._headers or {}
        return (
            self._version == b"1"
            and not self._buffer
            and "close" not in headers.get("connection", "").lower()
            and self._transport is not None
            and self._transport.get_write_buffer_size() == 0
        )

    def _tell(self, *, ended: bool) -> None:
        """Give the reply to whoever waits, if enough of it is known."""
        reply = self._reply
        if reply is None or reply.done():
            return
        done = _OK <= self.status < _REDIRECTION or self._headers is not None
        if self.status and (done or ended):
            reply.set_result(Reply(self.status, self._headers or {}))
        elif ended:
            reply.set_exception(ConnectionEnded())

    def _limit(self) -> None:
        """Wait for the rest of a response that counts already, but not for ever."""
        reply = self._reply
        if self._rest is None and reply is not None and reply.done():
            self._rest = self._loop.call_later(_REST, self.abort)


def _length(status: int, headers: Mapping[str, str]) -> int | _Chunks | None:
    """Return what a body's end is known by; None: by that of the connection."""
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if status in _BODILESS:
        return 0
    if coding is not None:
        chunked = coding.lower() == "chunked" and length is None
        return _Chunks() if chunked else None
    return int(length) if length is not None and _LENGTH.fullmatch(length) else None
