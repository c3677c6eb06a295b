"""Sends a large response on as it comes, without letting a slow reader hold a slot."""

import asyncio
from typing import cast

from aiohttp import ClientError, ClientResponse, web
from aiohttp.http import StreamWriter
from aiohttp.http_exceptions import HttpProcessingError

from gateway.core.exchange import Exchange
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
        response: ClientResponse,
        stream: web.StreamResponse,
    ) -> web.StreamResponse:
        """Send a response on, whose first bytes are in `exchange.overflow`.

        Its head has gone out, so there is no retry and no problem any more: a cut
        upstream cuts the caller's connection, which is the only way left to say so.

        Args:
            request: Whose it is.
            exchange: Gives its slot back once Dinie was read, or the reader is slow.
            response: Of Dinie, begun.
            stream: What goes to the caller.
        """
        try:
            await stream.prepare(request)
            await self._copy(request, exchange, response)
            await stream.write_eof()
        except (ClientError, HttpProcessingError, OSError, TimeoutError) as error:
            exchange.slug = "stream-cut"
            abort(request)
            if isinstance(error, ConnectionResetError) and request.transport is None:
                exchange.slug = "caller-gone"
        finally:
            response.close()
        return stream

    async def _copy(
        self, request: web.BaseRequest, exchange: Exchange, response: ClientResponse
    ) -> None:
        """Write all of a response, and hold its slot as long as Dinie sends freely."""
        writer = cast("StreamWriter", request.writer)
        apart = False
        try:
            chunk, exchange.overflow = exchange.overflow, b""
            while chunk:
                await writer.write(chunk, drain=False)
                transport = request.transport
                if transport is not None and not self._readers.wrote(
                    cast("asyncio.WriteTransport", transport), len(chunk)
                ):
                    apart = apart or self._part(exchange)
                    await writer.drain()
                chunk = await response.content.readany()
        finally:
            self._apart -= apart
        exchange.let_go()  # Dinie has been read: what is left is the reader's business

    def _part(self, exchange: Exchange) -> bool:
        """Give the slot back for a reader that is slow; False: too many do."""
        if self._apart >= self._most_apart:
            return False
        self._apart += 1
        exchange.let_go()
        return True
