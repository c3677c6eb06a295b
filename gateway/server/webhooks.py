"""Handles the requests of the webhook listener: one path, one method.

Source: docs/adr/0010-inbox.md.
"""

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
_CROWDED_BODY_TIMEOUT: Final = 1.0  # s, while many bodies are awaited
_GRACE: Final = 0.05  # s; after a delay the loop runs timers before it reads
_MOST_STORING: Final = 256  # arrivals that are being stored
_MOST_AWAITED: Final = 1024  # bodies that are awaited
_MOST_OF_A_SOURCE: Final = 256  # of these, from one source
_MOST_BYTES: Final = 32 * 1024 * 1024  # received of all of them
_CROWD: Final = 128  # bodies that are awaited; from here each has less time
_NETWORK: Final = 8  # bytes of an IPv6 address; its owner chooses the rest
_LONGEST_LABEL: Final = 256  # characters of a header that is stored
_OK: Final = 200


class Receiver(Protocol):
    """Verifies and stores webhooks; implemented by `gateway.inbox.receive.Receiver`."""

    def check_head(self, signed: Signed) -> int:
        """Return 200 where the body is to be read, or else the response's status."""

    async def receive(self, signed: Signed, content: ContentHeaders) -> int:
        """Return the response's status."""

    def refuse(self, result: str, reason: str) -> None:
        """Count and log a request that was refused before it could be verified."""


class WebhookListener:
    """The handler of the webhook listener; no request makes it raise."""

    def __init__(self, receiver: Receiver, *, path: str, max_body: int) -> None:
        """Begin without requests.

        Args:
            receiver: Verifies and stores.
            path: The only one; any other is a 404.
            max_body: Bytes.
        """
        self._receiver = receiver
        self._path = path
        self._max_body = max_body
        self._inside = 0
        self._storing = 0  # requests whose body is complete
        self._arrivals = Arrivals()  # bodies that are awaited, by source
        self._bytes = 0  # received of these
        self.closing = False  # in a drain: one response a connection

    @property
    def inside(self) -> int:
        """Return how many requests are being handled."""
        return self._inside

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Handle one request."""
        self._inside += 1
        try:
            response = await self._respond(request)
        except Exception as error:  # noqa: BLE001 - the last boundary
            # Not a 401: after a fault of the gateway's, Dinie must send again.
            _log.error("webhook_failed", error=type(error).__name__)
            self._receiver.refuse("unavailable", "a fault of the gateway's")
            response = _plain(503)
        finally:
            self._inside -= 1
        # Only a verified sender keeps its connection.
        if self.closing or response.status != _OK:
            response.force_close()
        return response

    async def _respond(self, request: web.BaseRequest) -> web.Response:
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
        # Before the body: forged requests must not take the places of verified ones.
        status = self._receiver.check_head(head)
        return await self._receive(request, head) if status == _OK else _plain(status)

    async def _receive(self, request: web.BaseRequest, head: Signed) -> web.Response:
        body = await self._body(request)
        if isinstance(body, web.Response):
            return body
        if self._storing >= _MOST_STORING:
            self._receiver.refuse("unavailable", "too many deliveries at once")
            return _plain(503)
        self._storing += 1
        try:
            return await self._store(request, replace(head, body=body))
        finally:
            self._storing -= 1

    async def _store(self, request: web.BaseRequest, signed: Signed) -> web.Response:
        status = await self._receiver.receive(
            signed,
            ContentHeaders(
                _label(request, "Content-Type"), _label(request, "Content-Encoding")
            ),
        )
        return web.Response() if status == _OK else _plain(status)

    async def _body(self, request: web.BaseRequest) -> bytes | web.Response:
        """Return the body as received, or the response where there is none."""
        if request.headers.get("Expect", "").lower() == "100-continue":
            await _continue(request)
        if request.content.is_eof():  # it came with its head, and takes no place
            body = request.content.read_nowait()
            return body if len(body) <= self._max_body else self._too_large()
        arrival = self._await_body(_source(request))
        chunks: list[bytes] = []
        try:
            return await self._arriving(request, arrival, chunks)
        finally:
            self._arrivals.remove(arrival)
            self._bytes -= sum(map(len, chunks))

    def _await_body(self, source: str) -> Arrival:
        """Give a body a place; it cannot be verified until it is complete.

        The oldest of its source is dropped where that has a quarter of the places, or
        else the oldest of all: Dinie's bodies come with their head, or soon after it.
        """
        arrivals = self._arrivals
        if arrivals.of(source) >= _MOST_OF_A_SOURCE:
            arrivals.drop_oldest(source)
        elif len(arrivals) >= _MOST_AWAITED:
            arrivals.drop_oldest()
        arrival = Arrival(source, Lane.NORMAL, self._body_timeout())
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
                    abort(request)  # a response would have to wait for the body
                    return self._malformed(408, "the body came after too many others")
                arrival.timeout = asyncio.timeout(_GRACE)
            except (HTTPException, web.RequestPayloadError, EOFError, OSError):
                return self._malformed(400, "the body is malformed or ends early")
        return self._malformed(408, "the body did not arrive in time")

    def _body_timeout(self) -> float:
        crowded = len(self._arrivals) >= _CROWD
        return min(_CROWDED_BODY_TIMEOUT, _BODY_TIMEOUT) if crowded else _BODY_TIMEOUT

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


async def _continue(request: web.BaseRequest) -> None:
    if request.version >= HttpVersion11:
        with suppress(OSError):
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # it is no part of the response


def _source(request: web.BaseRequest) -> str:
    """Return the source of a request: an address, or an IPv6 network."""
    remote = request.remote or ""
    try:
        packed = ip_address(remote).packed
    except ValueError:
        return remote
    return remote if len(packed) <= _NETWORK else packed[:_NETWORK].hex()


def _all(request: web.BaseRequest, name: bytes) -> list[bytes]:
    """Return every value of a header, as bytes: nothing unverified is decoded."""
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
