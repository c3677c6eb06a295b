"""Refuses what must not pass, and reads the body of what may."""

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
from gateway.admission.occupancy import Occupancy
from gateway.admission.options import AdmissionOptions
from gateway.admission.places import Presence
from gateway.admission.policy import (
    SPILL,
    UPLOAD_SLOTS,
    cap_of,
    check_length,
    too_large,
)
from gateway.admission.spool import Spool, discard
from gateway.core.errors import BadRequest, Draining, RouteForbidden
from gateway.core.exchange import Body, Exchange
from gateway.core.lanes import Lane, lane_of
from gateway.core.stage import EXCHANGE, Handler

BODY_TIMEOUT = 30.0  # s for a body to arrive


class AdmissionStage:
    """Runs once per request, after its caller is named; counts the requests inside."""

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
        """Start with nothing inside.

        Args:
            options: Sizes and places.
            denied: Returns whether a raw path is denied.
            is_upload: Returns whether a plain path is an upload route.
            is_unidentified: Returns whether only a request's body names its sender.
            body_timeout: s for a body to arrive.
            allowed: Returns the time of a request, its body's arrival included, s.
            shed: Each refuses a batch request that waits, or returns False: none does.
            presence: Records each caller, and knows whether one is alone.
            weights: Of callers; others have 1.
            spool: Writes large bodies; None: to the system's temporary folder.
        """
        self.spool = spool or Spool()
        self._options = options
        self._denied = denied
        self._is_upload = is_upload
        self._is_unidentified = is_unidentified
        self._body_timeout = body_timeout
        self._allowed = allowed
        presence = presence or Presence()
        self._seen = presence.seen
        self._occupancy = Occupancy(
            options.max_in_flight + UPLOAD_SLOTS + options.max_queue,
            presence=presence,
            weights=weights,
            shed=shed,
        )
        self._unidentified = Arrivals()
        self.draining = False

    @property
    def inside(self) -> int:
        """The requests of callers that are inside."""
        return self._occupancy.inside

    async def __call__(
        self, request: web.BaseRequest, handler: Handler
    ) -> web.StreamResponse:
        """Check the request, read its body, and pass it on.

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
        if self._is_unidentified(exchange):
            # It holds no place, so that it takes none from callers.
            if request.can_read_body:
                exchange.body = await self._read_unidentified(request, exchange)
            return await handler(request)
        caller, lane = exchange.caller, lane_of(exchange)
        self._seen[caller] = exchange.started
        try:
            if request.can_read_body:
                exchange.upload = self._is_upload(exchange.target.plain_path)
                await self._take_body(request, exchange, lane)
            self._occupancy.enter(caller, lane)
            try:
                return await handler(request)
            finally:
                self._occupancy.leave(caller, lane)
        finally:
            exchange.body.close()

    async def _take_body(
        self, request: web.BaseRequest, exchange: Exchange, lane: int
    ) -> None:
        cap = cap_of(self._options, upload=exchange.upload)
        check_length(exchange.head.control.get("content-length"), cap)
        await _send_continue(request)
        content = request.content
        if content.is_eof():
            exchange.body = Body(content.read_nowait())
            if exchange.body.size <= cap:
                return
            raise too_large(cap)
        timeout = min(self._body_timeout, self._allowed(exchange))
        arrival = Arrival(exchange.caller, lane, timeout)
        self._occupancy.expect(arrival)
        try:
            exchange.body = await _read(content, cap, arrival, self.spool)
        finally:
            self._occupancy.arrivals.remove(arrival)

    async def _read_unidentified(
        self, request: web.BaseRequest, exchange: Exchange
    ) -> Body:
        """Return the small body that names its sender.

        Raises:
            GatewayError: it is too large or too slow, or newer ones displaced it.
        """
        check_length(exchange.head.control.get("content-length"), UNIDENTIFIED_CAP)
        await _send_continue(request)
        if len(self._unidentified) >= UNIDENTIFIED:
            self._unidentified.drop_oldest()
        arrival = Arrival(exchange.caller, Lane.NORMAL, UNIDENTIFIED_TIMEOUT)
        self._unidentified.add(arrival)
        try:
            return await _read(request.content, UNIDENTIFIED_CAP, arrival, self.spool)
        finally:
            self._unidentified.remove(arrival)


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


async def _send_continue(request: web.BaseRequest) -> None:
    """Send `100 Continue` to a caller that waits for it; Dinie is not asked."""
    expect = request.headers.get("Expect")
    if expect is None or request.version < HttpVersion11:
        return
    if expect.lower() != "100-continue":
        raise BadRequest("the only expectation that can be met is 100-continue")
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # it is not part of the response


async def read_body(content: StreamReader, cap: int, spool: Spool) -> Body:
    """Read a body, to disk beyond `SPILL`.

    Args:
        content: The stream of the request.
        cap: Bytes.
        spool: Writes what is beyond `SPILL`.

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
