"""Connections to Dinie, and the pool that reuses them; ADR 8 says what it relies on."""

from functools import partial
from typing import Any, Protocol, cast, runtime_checkable

from aiohttp import (
    ClientConnectionError,
    ClientPayloadError,
    ClientRequest,
    ClientTimeout,
    ConnectionTimeoutError,
    TCPConnector,
)
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace


class PoolTimeoutError(ConnectionTimeoutError):
    """All connections of the pool were in use for as long as a request may wait."""


class StaleConnectionError(ClientConnectionError):
    """A connection of the pool ended before anything was written to it."""


@runtime_checkable
class Connects(Protocol):
    """A request that notes when a connection is made for it."""

    connecting: bool


class DinieConnection(ResponseHandler):
    """A connection that knows whether it was asked, and fails a body that is cut.

    aiohttp reports a malformed byte only where a head is awaited, so a reader of the
    body would hang; and it takes a reset for the end of a body without a length.
    """

    asked = False  # what arrives before a request is no response

    def begin(self) -> None:
        """Expect a response from now on.

        Raises:
            StaleConnectionError: one is here already, unasked; or it is closed.
        """
        if self.should_close or not self.is_connected():
            raise StaleConnectionError("it spoke before it was asked, or has ended")
        self.asked = True

    def data_received(self, data: bytes) -> None:
        """Take what arrives; a connection that speaks unasked is used no more."""
        if data and not self.asked:  # without any, aiohttp only reads on
            self.force_close()
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Note the end; a reset is no end of a body."""
        body = self._payload
        if exc is not None and body is not None and not body.is_eof():
            body.set_exception(ClientPayloadError("the connection was reset"), exc)
        super().connection_lost(exc)

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """Note why nothing more can be read."""
        super().set_exception(exc, *cause)
        body = self._payload
        # A failed write does not concern the reader: a response may be here.
        if body is None or body.is_eof():
            return
        if isinstance(exc, HttpProcessingError):
            body.set_exception(exc, *cause)


class DinieConnector(TCPConnector):
    """Reuses no connection on which something arrived unasked.

    aiohttp looks at that when a connection is given back, not when it is taken again:
    what arrived in between would be taken for the response to the next request.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = cast(
            "partial[ResponseHandler]", partial(DinieConnection, loop=self._loop)
        )

    def _release(
        self,
        key: ConnectionKey,
        protocol: ResponseHandler,
        *,
        should_close: bool = False,
    ) -> None:
        if isinstance(protocol, DinieConnection):
            protocol.asked = False
        super()._release(key, protocol, should_close=should_close)

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - the base's name
    ) -> ResponseHandler:
        if isinstance(req, Connects):
            req.connecting = True  # until then it waited for one of the pool
        return await super()._create_connection(req, traces, timeout)

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            protocol = connection.protocol
            if protocol is not None and not protocol.should_close:
                return connection
            connection.close()
        return None
