"""Defines the two shapes of a stage, and the key of a request's exchange.

A `RequestStage` stands on the caller's side and passes a request on to a `Handler`. An
`AttemptStage` stands on Dinie's side and passes an exchange on to a `Send`.
`pipeline/order.py` lists the stages of each shape.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from aiohttp import web

from gateway.core.exchange import Exchange
from gateway.core.upstream_response import UpstreamResponse

EXCHANGE: Final = web.RequestKey("exchange", Exchange)
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Send = Callable[[Exchange], Awaitable[UpstreamResponse]]


class RequestStage(Protocol):
    """Stands around the handler of a request."""

    def __call__(
        self, request: web.BaseRequest, handler: Handler, /
    ) -> Awaitable[web.StreamResponse]:
        """Respond to a request, or pass it on to the handler."""


class AttemptStage(Protocol):
    """Stands around the send of an attempt."""

    def __call__(
        self, exchange: Exchange, send: Send, /
    ) -> Awaitable[UpstreamResponse]:
        """Pass an exchange on to be sent, as often as the stage decides."""
