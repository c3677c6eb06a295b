"""Where Dinie's webhooks come in: one path, one method, five statuses."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final, Protocol

import orjson
import structlog
from aiohttp import HttpVersion11, web
from aiohttp.web_exceptions import HTTPException

from gateway.admission.arrivals import Arrival, Arrivals
from gateway.core.lanes import Lane
from gateway.core.problems import CONTENT_TYPE
from gateway.inbox.receive import ContentHeaders
from gateway.inbox.signature import Signed
from gateway.server.responses import abort

_log = structlog.get_logger("gateway.webhooks")
_BODY_TIMEOUT: Final = 5.0  # s; Dinie gives up by then
_HURRIED: Final = 1.0  # s, while many are awaited
_GRACE: Final = 0.05  # s; a loop that was held up hears of its timers first
_MOST_INSIDE: Final = 256  # deliveries that are being stored
_MOST_AWAITED: Final = 1024  # whose bodies are awaited,
_MOST_OF_A_SOURCE: Final = 256  # of one source,
_MOST_BYTES: Final = 32 * 1024 * 1024  # and what has come of those bodies
_MANY: Final = 128  # awaited, from where on each has less time
_NETWORK: Final = 8  # bytes of an IPv6 address; the rest is its owner's to choose
_LONGEST_LABEL: Final = 256  # characters of a header that is kept
_OK: Final = 200


class Receiver(Protocol):
    """Verifies and stores."""

    def check_head(self, signed: Signed) -> int:
        """Return the status that a head alone earns: 200 where its body is wanted."""

    async def receive(self, signed: Signed, content: ContentHeaders) -> int:
        """Return the status to answer with."""

    def refuse(self, result: str, reason: str) -> None:
        """Count and log what was refused before it could be verified."""


class WebhookListener:
    """The handler of the webhook listener; nothing that comes in makes it raise."""

    def __init__(self, receiver: Receiver, *, path: str, max_body: int) -> None:
        """Wire it.

        Args:
            receiver: Verifies and stores.
            path: The only one there is.
            max_body: Bytes.
        """
        self._receiver = receiver
        self._path = path
        self._max_body = max_body
        self._inside = 0
        self._keeping = 0  # whose body is here, and is being stored
        self._arrivals = Arrivals()  # whose body is awaited, by source
        self._bytes = 0  # that have come of these
        self.closing = False  # in a drain: one answer a connection

    @property
    def inside(self) -> int:
        """Return how many deliveries are being taken in."""
        return self._inside

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        self._inside += 1
        try:
            response = await self._answer(request)
        except Exception as error:  # noqa: BLE001 - the last boundary
            # Not a 401: Dinie shall send again what a fault of ours kept out.
            _log.error("webhook_failed", error=type(error).__name__)
            self._receiver.refuse("unavailable", "a fault of the gateway's")
            response = _plain(503)
        finally:
            self._inside -= 1
        # Whoever did not prove to be Dinie keeps no connection, nor sends on.
        if self.closing or response.status != _OK:
            response.force_close()
        return response

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.raw_path.partition("?")[0] != self._path:
            return _plain(404)
        if request.method != "POST":
            response = _plain(405)
            response.headers["Allow"] = "POST"
            return response
        if (request.content_length or 0) > self._max_body:
            return self._too_large()
        head = Signed(
            _all(request, b"webhook-id"),
            _all(request, b"webhook-timestamp"),
            _all(request, b"webhook-signature"),
            b"",
        )
        # Before its body: strangers must not hold the places of good deliveries.
        status = self._receiver.check_head(head)
        return await self._take(request, head) if status == _OK else _plain(status)

    async def _take(self, request: web.BaseRequest, head: Signed) -> web.Response:
        body = await self._body(request)
        if isinstance(body, web.Response):
            return body
        if self._keeping >= _MOST_INSIDE:
            self._receiver.refuse("unavailable", "too many deliveries at once")
            return _plain(503)
        self._keeping += 1
        try:
            return await self._keep(request, replace(head, body=body))
        finally:
            self._keeping -= 1

    async def _keep(self, request: web.BaseRequest, signed: Signed) -> web.Response:
        status = await self._receiver.receive(
            signed,
            ContentHeaders(
                _label(request, "Content-Type"), _label(request, "Content-Encoding")
            ),
        )
        return web.Response() if status == _OK else _plain(status)

    async def _body(self, request: web.BaseRequest) -> bytes | web.Response:
        """Return the body as it came, or the answer where it is none."""
        if request.headers.get("Expect", "").lower() == "100-continue":
            await _go_on(request)
        if request.content.is_eof():  # it came with its head, and holds no place
            body = request.content.read_nowait()
            return body if len(body) <= self._max_body else self._too_large()
        arrival = self._expect(_source(request))
        chunks: list[bytes] = []
        try:
            return await self._arriving(request, arrival, chunks)
        finally:
            self._arrivals.remove(arrival)
            self._bytes -= sum(map(len, chunks))

    def _expect(self, source: str) -> Arrival:
        """Give a body a place: its sender is unknown until it is here.

        The oldest of its source gives way where that has a quarter of the places, else
        the oldest of all: Dinie's come with their head, or soon after it.
        """
        arrivals = self._arrivals
        if arrivals.of(source) >= _MOST_OF_A_SOURCE:
            arrivals.drop_oldest(source)
        elif len(arrivals) >= _MOST_AWAITED:
            arrivals.drop_oldest()
        arrival = Arrival(source, Lane.NORMAL, self._patience())
        arrivals.add(arrival)
        return arrival

    async def _arriving(
        self, request: web.BaseRequest, arrival: Arrival, chunks: list[bytes]
    ) -> bytes | web.Response:
        for _ in range(2):
            try:
                async with arrival.timeout:
                    if await self._read(request, chunks):
                        return b"".join(chunks)
                return self._too_large()
            except TimeoutError:
                if arrival.dropped:
                    abort(request)  # an answer would have to wait for its body
                    return self._malformed(408, "the body came after too many others")
                arrival.timeout = asyncio.timeout(_GRACE)
            except (HTTPException, web.RequestPayloadError, EOFError, OSError):
                return self._malformed(400, "the body is malformed or ends early")
        return self._malformed(408, "the body did not arrive in time")

    def _patience(self) -> float:
        hurried = len(self._arrivals) >= _MANY
        return min(_HURRIED, _BODY_TIMEOUT) if hurried else _BODY_TIMEOUT

    async def _read(self, request: web.BaseRequest, chunks: list[bytes]) -> bool:
        """Read to the end; return whether it is short enough."""
        size = sum(map(len, chunks))
        while chunk := await request.content.readany():
            size += len(chunk)
            if size > self._max_body:
                return False
            chunks.append(chunk)
            self._bytes += len(chunk)
            if self._bytes > _MOST_BYTES:
                self._arrivals.drop_oldest()
        return True

    def _too_large(self) -> web.Response:
        self._receiver.refuse("too_large", f"over {self._max_body} bytes")
        return _plain(413)

    def _malformed(self, status: int, reason: str) -> web.Response:
        self._receiver.refuse("malformed", reason)
        return _plain(status)


async def _go_on(request: web.BaseRequest) -> None:
    if request.version >= HttpVersion11:
        with suppress(OSError):
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # it is no part of the answer


def _source(request: web.BaseRequest) -> str:
    """Return where a request comes from: an address, or an IPv6 network."""
    remote = request.remote or ""
    try:
        packed = ip_address(remote).packed
    except ValueError:
        return remote
    return remote if len(packed) <= _NETWORK else packed[:_NETWORK].hex()


def _all(request: web.BaseRequest, name: bytes) -> list[bytes]:
    """Return every value of a header, as bytes: no text of a stranger's is decoded."""
    return [value for key, value in request.raw_headers if key.lower() == name]


def _label(request: web.BaseRequest, name: str) -> str:
    value = request.headers.get(name, "")
    plain = value.isascii() and value.isprintable() and len(value) <= _LONGEST_LABEL
    return value if plain else ""


def _plain(status: int) -> web.Response:
    """Return a problem that says no more than its status."""
    body = orjson.dumps(
        {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    )
    return web.Response(
        body=body, status=status, headers={"Content-Type": CONTENT_TYPE}
    )
