"""Refuse what must not pass, and take in the body of what may."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import BinaryIO

from aiohttp import HttpVersion11, web
from aiohttp.streams import StreamReader
from aiohttp.web_exceptions import HTTPException

from gateway.admission.options import AdmissionOptions
from gateway.admission.policy import (
    SPILL,
    UPLOAD_SLOTS,
    cap_of,
    check_length,
    too_large,
)
from gateway.context import EXCHANGE
from gateway.errors import BadRequest, Draining, Overloaded, RouteForbidden
from gateway.message import Body, Exchange

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
_BATCH_PART = 0.75  # of the room that batch work may fill
BODY_TIMEOUT = 30.0  # s for a body to arrive


class AdmissionStage:
    """An aiohttp server middleware; counts what is inside."""

    def __init__(
        self,
        options: AdmissionOptions,
        *,
        denied: Callable[[str], bool],
        is_upload: Callable[[str], bool],
        body_timeout: float = BODY_TIMEOUT,
        allowed: Callable[[Exchange], float] = lambda _: BODY_TIMEOUT,
        shed: Sequence[Callable[[], bool]] = (),
    ) -> None:
        """Wire the stage.

        Args:
            options: Caps.
            denied: Whether a raw path is denied.
            is_upload: Whether a plain path is an upload route.
            body_timeout: s for a body to arrive,
            allowed: and for the whole of a request, its body's arrival included.
            shed: Each sends batch work that waits away, or says that none does.
        """
        self._options = options
        self._denied = denied
        self._is_upload = is_upload
        self._body_timeout = body_timeout
        self._allowed = allowed
        self._shed = shed
        self._most = options.max_in_flight + UPLOAD_SLOTS + options.max_queue
        self.inside = 0
        self.draining = False

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
        if self._denied(exchange.path):
            raise RouteForbidden("the route is denied by admission.deny")
        self._make_room(exchange)
        self.inside += 1
        try:
            if request.can_read_body:
                exchange.upload = self._is_upload(exchange.plain_path)
                await self._take_body(request, exchange)
            return await handler(request)
        finally:
            self.inside -= 1
            exchange.body.close()

    def _make_room(self, exchange: Exchange) -> None:
        """Let a request in where there is room, or where batch work gives some up.

        Raises:
            Overloaded: there is none.
        """
        if self.inside < self._most * (1.0 if exchange.interactive else _BATCH_PART):
            return
        # What is sent away leaves at once; until then one more is inside.
        if exchange.interactive and any(shed() for shed in self._shed):
            return
        raise Overloaded("the queue is full (admission.max_queue)", retry_after=1.0)

    async def _take_body(self, request: web.BaseRequest, exchange: Exchange) -> None:
        cap = cap_of(self._options, upload=exchange.upload)
        check_length(exchange.control.get("content-length"), cap)
        await _answer_expectation(request)
        content = request.content
        if content.is_eof():
            exchange.body = Body(content.read_nowait())
            if exchange.body.size <= cap:
                return
            raise too_large(cap)
        patience = min(self._body_timeout, self._allowed(exchange))
        exchange.body = await self._read(content, cap, patience)

    async def _read(self, content: StreamReader, cap: int, patience: float) -> Body:
        try:
            async with asyncio.timeout(patience):
                return await read_body(content, cap)
        except TimeoutError as error:
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


async def read_body(content: StreamReader, cap: int) -> Body:
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
                file = await _spill(file, chunks)
        else:
            whole = True
            return Body(b"".join(chunks) if file is None else b"", file)
    except (web.RequestPayloadError, EOFError, ConnectionError) as error:
        raise BadRequest("the body is malformed or ends early") from error
    finally:
        if file is not None and not whole:
            _discard(file)
    raise too_large(cap)


async def _spill(file: BinaryIO | None, chunks: list[bytes]) -> BinaryIO:
    """Move what was read to disk, in a thread; the list is empty afterwards."""

    def write() -> BinaryIO:
        target = file if file is not None else tempfile.TemporaryFile()  # noqa: SIM115
        try:
            target.writelines(chunks)
            target.flush()
        except OSError:
            _discard(target)
            raise
        return target

    try:
        target = await asyncio.to_thread(write)
    except OSError as error:
        raise Overloaded(
            "the body could not be kept on disk", retry_after=5.0
        ) from error
    chunks.clear()
    return target


def _discard(file: BinaryIO) -> None:
    """Close a file whose content nobody wants; a full disk fails the close too."""
    with suppress(OSError):
        file.close()
