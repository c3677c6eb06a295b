"""Refuse what must not pass, and take in the body of what may."""

from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO

from aiohttp import HttpVersion11, web
from aiohttp.streams import StreamReader
from aiohttp.web_exceptions import HTTPException

from gateway.admission.arrivals import (
    UNIDENTIFIED,
    UNIDENTIFIED_CAP,
    UNIDENTIFIED_TIMEOUT,
    Arrival,
    Arrivals,
    displaced,
)
from gateway.admission.options import AdmissionOptions
from gateway.admission.places import Presence
from gateway.admission.policy import (
    SPILL,
    UPLOAD_SLOTS,
    cap_of,
    check_length,
    too_large,
)
from gateway.admission.room import Room
from gateway.admission.spool import Spool, discard
from gateway.core.errors import BadRequest, Draining, RouteForbidden
from gateway.core.exchange import Body, Exchange
from gateway.core.lanes import Lane, lane_of
from gateway.core.stage import EXCHANGE, Handler

BODY_TIMEOUT = 30.0  # s for a body to arrive


class AdmissionStage:
    """An aiohttp server middleware; counts what is inside."""

    def __init__(
        self,
        options: AdmissionOptions,
        *,
        denied: Callable[[str], bool],
        is_upload: Callable[[str], bool],
        is_unidentified: Callable[[Exchange], bool] = lambda _: False,
        body_timeout: float = BODY_TIMEOUT,
        allowed: Callable[[Exchange], float] = lambda _: BODY_TIMEOUT,
        shed: Sequence[Callable[[], bool]] = (),
        presence: Presence | None = None,
        weights: Mapping[str, float] | None = None,
        spool: Spool | None = None,
    ) -> None:
        """Wire the stage.

        Args:
            options: Caps.
            denied: Whether a raw path is denied.
            is_upload: Whether a plain path is an upload route.
            is_unidentified: Whether a request's body must be read to know its sender.
            body_timeout: s for a body to arrive,
            allowed: and for the whole of a request, its body's arrival included.
            shed: Each sends batch work that waits away, or says that none does.
            presence: Hears of each caller, and tells whether one is alone.
            weights: Of callers; others have 1.
            spool: Keeps large bodies; None: in the system's temporary folder.
        """
        self.spool = spool or Spool()
        self._options = options
        self._denied = denied
        self._is_upload = is_upload
        self._of_a_stranger = is_unidentified
        self._body_timeout = body_timeout
        self._allowed = allowed
        presence = presence or Presence()
        self._seen = presence.seen
        self._room = Room(
            options.max_in_flight + UPLOAD_SLOTS + options.max_queue,
            presence=presence,
            weights=weights,
            shed=shed,
        )
        self._strangers = Arrivals()
        self.draining = False

    @property
    def inside(self) -> int:
        """Return how many requests of callers are inside."""
        return self._room.inside

    async def __call__(
        self, request: web.BaseRequest, handler: Handler
    ) -> web.StreamResponse:
        """Check the request, read its body, go on.

        Raises:
            GatewayError: the request is refused; nothing was sent.
        """
        if self.draining:
            raise Draining(
                "the gateway is stopping: another one will take this", retry_after=1.0
            )
        exchange = request[EXCHANGE]
        if self._denied(exchange.target.path):
            raise RouteForbidden("the route is denied by admission.deny")
        if self._of_a_stranger(exchange):
            # It holds no place: nothing of a stranger's counts with callers' work.
            if request.can_read_body:
                exchange.body = await self._read_unidentified(request, exchange)
            return await handler(request)
        caller, lane = exchange.caller, lane_of(exchange)
        self._seen[caller] = exchange.started
        try:
            if request.can_read_body:
                exchange.upload = self._is_upload(exchange.target.plain_path)
                await self._take_body(request, exchange, lane)
            self._room.enter(caller, lane)
            try:
                return await handler(request)
            finally:
                self._room.leave(caller, lane)
        finally:
            exchange.body.close()

    async def _take_body(
        self, request: web.BaseRequest, exchange: Exchange, lane: int
    ) -> None:
        cap = cap_of(self._options, upload=exchange.upload)
        check_length(exchange.head.control.get("content-length"), cap)
        await _answer_expectation(request)
        content = request.content
        if content.is_eof():
            exchange.body = Body(content.read_nowait())
            if exchange.body.size <= cap:
                return
            raise too_large(cap)
        patience = min(self._body_timeout, self._allowed(exchange))
        arrival = Arrival(exchange.caller, lane, patience)
        self._room.expect(arrival)
        try:
            exchange.body = await _read(content, cap, arrival, self.spool)
        finally:
            self._room.arrivals.remove(arrival)

    async def _read_unidentified(
        self, request: web.BaseRequest, exchange: Exchange
    ) -> Body:
        """Return the small body that says who sends it.

        Raises:
            GatewayError: it is too large or too slow, or many came after it.
        """
        check_length(exchange.head.control.get("content-length"), UNIDENTIFIED_CAP)
        await _answer_expectation(request)
        if len(self._strangers) >= UNIDENTIFIED:
            self._strangers.drop_oldest()
        arrival = Arrival(exchange.caller, Lane.NORMAL, UNIDENTIFIED_TIMEOUT)
        self._strangers.add(arrival)
        try:
            return await _read(request.content, UNIDENTIFIED_CAP, arrival, self.spool)
        finally:
            self._strangers.remove(arrival)


async def _read(
    content: StreamReader, cap: int, arrival: Arrival, spool: Spool
) -> Body:
    try:
        async with arrival.timeout:
            return await read_body(content, cap, spool)
    except TimeoutError as error:
        if arrival.dropped:
            raise displaced() from error
        raise BadRequest("the body did not arrive in time") from error
    except HTTPException as error:
        raise BadRequest("the body is malformed") from error


async def _answer_expectation(request: web.BaseRequest) -> None:
    """Tell a caller that waits for it to go on; nothing is relayed of this."""
    expect = request.headers.get("Expect")
    if expect is None or request.version < HttpVersion11:
        return
    if expect.lower() != "100-continue":
        raise BadRequest("the only expectation that can be met is 100-continue")
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # it is no part of the answer


async def read_body(content: StreamReader, cap: int, spool: Spool) -> Body:
    """Read a body up to a cap (bytes), on disk beyond `SPILL`.

    Raises:
        RequestTooLarge: over the cap.
        BadRequest: the body is malformed or ends early.
        Overloaded: the disk does not take it.
    """
    chunks: list[bytes] = []
    size = 0
    file: BinaryIO | None = None
    whole = False
    try:
        while chunk := await content.readany():
            size += len(chunk)
            if size > cap:
                break
            chunks.append(chunk)
            if size > SPILL:
                file = await spool.write(file, chunks)
                chunks.clear()
        else:
            whole = True
            return Body(b"".join(chunks) if file is None else b"", file)
    except (web.RequestPayloadError, EOFError, ConnectionError) as error:
        raise BadRequest("the body is malformed or ends early") from error
    finally:
        if file is not None and not whole:
            discard(file)
    raise too_large(cap)
