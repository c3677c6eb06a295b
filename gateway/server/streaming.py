"""Sends a large response on as it comes, without letting a slow reader hold a slot."""

import asyncio
from typing import cast

from aiohttp import ClientError, web
from aiohttp.http import StreamWriter
from aiohttp.http_exceptions import HttpProcessingError

from gateway.core.exchange import Exchange
from gateway.core.upstream_response import UpstreamResponse
from gateway.server.readers import Readers
from gateway.server.responses import abort


class ResponseStreams:
    """Reads ahead of its readers; knows how many hold a connection without a slot."""

    def __init__(self, readers: Readers, *, most_apart: int) -> None:
        """Begin with none.

        Args:
            readers: Tell whether there is room to read ahead.
            most_apart: Responses that may hold a connection to Dinie without a slot,
                since their reader is slow: what the pool has besides the slots.
        """
        self._readers = readers
        self._most_apart = most_apart
        self._apart = 0

    async def relay(
        self,
        request: web.BaseRequest,
        exchange: Exchange,
        response: UpstreamResponse,
        stream: web.StreamResponse,
    ) -> web.StreamResponse:
        """Relay a response that is begun and not yet read.

        Its head has gone out, so there is no retry and no problem any more: a cut
        upstream cuts the caller's connection, which is the only way left to say so.

        Args:
            request: Of the caller.
            exchange: Of the request.
            response: Of Dinie; gives its slot back once it was read, or its reader is
                slow.
            stream: What goes to the caller.
        """
        try:
            await stream.prepare(request)
            await self._copy(request, response)
            await stream.write_eof()
        except (ClientError, HttpProcessingError, OSError, TimeoutError) as error:
            exchange.history.slug = "stream-cut"
            abort(request)
            if isinstance(error, ConnectionResetError) and request.transport is None:
                exchange.history.slug = "caller-gone"
        return stream

    async def _copy(self, request: web.BaseRequest, response: UpstreamResponse) -> None:
        """Write all of a response, and hold its slot as long as Dinie sends freely."""
        assert response.read is not None, "only an unread response streams"  # noqa: S101
        writer = cast("StreamWriter", request.writer)
        apart = False
        try:
            chunk, response.begun = response.begun, b""
            while chunk:
                await writer.write(chunk, drain=False)
                transport = request.transport
                if transport is not None and not self._readers.wrote(
                    cast("asyncio.WriteTransport", transport), len(chunk)
                ):
                    apart = apart or self._part(response)
                    await writer.drain()
                chunk = await response.read()
        finally:
            self._apart -= apart
        response.free_slot()  # Dinie has been read; the rest waits for the caller only

    def _part(self, response: UpstreamResponse) -> bool:
        """Give the slot back for a reader that is slow; False: too many do."""
        if self._apart >= self._most_apart:
            return False
        self._apart += 1
        response.free_slot()
        return True
