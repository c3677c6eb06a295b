"""Gives each request one time budget, which everything below draws on."""

from collections.abc import Awaitable

from aiohttp import web

from gateway.core.stage import EXCHANGE, Handler
from gateway.deadline.options import DeadlineOptions
from gateway.deadline.policy import budget


class DeadlineStage:
    """Sets `exchange.deadline`: runs once per request."""

    def __init__(self, options: DeadlineOptions) -> None:
        """Take the budgets of requests from `options`."""
        self._options = options

    def __call__(
        self, request: web.BaseRequest, handler: Handler
    ) -> Awaitable[web.StreamResponse]:
        """Set the moment after which no work begins, and pass the request on."""
        exchange = request[EXCHANGE]
        exchange.deadline = exchange.started + budget(
            self._options, exchange.head.control, upload=exchange.upload
        )
        return handler(request)
