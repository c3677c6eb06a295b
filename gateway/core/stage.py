"""Defines the two shapes of a stage, and the key of a request's exchange.

`pipeline/order.py` lists the stages of each shape.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from aiohttp import ClientRequest, ClientResponse, web
from aiohttp.client_middlewares import ClientHandlerType

from gateway.core.exchange import Exchange

EXCHANGE: Final = web.RequestKey("exchange", Exchange)
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class RequestStage(Protocol):
    """Stands around the handler of a request."""

    def __call__(
        self, request: web.BaseRequest, handler: Handler, /
    ) -> Awaitable[web.StreamResponse]:
        """Answer a request, or have it answered."""


class AttemptStage(Protocol):
    """Stands around the send of an attempt."""

    def __call__(
        self, exchange: Exchange, request: ClientRequest, handler: ClientHandlerType, /
    ) -> Awaitable[ClientResponse]:
        """Make an attempt, or have it made."""
