"""Give each request one budget that everything below draws on."""

from collections.abc import Awaitable

from aiohttp import web

from gateway.core.stage import EXCHANGE, Handler
from gateway.deadline.options import DeadlineOptions
from gateway.deadline.policy import budget


class DeadlineStage:
    """An aiohttp server middleware that sets `exchange.deadline`."""

    def __init__(self, options: DeadlineOptions) -> None:
        self._options = options

    def __call__(
        self, request: web.BaseRequest, handler: Handler
    ) -> Awaitable[web.StreamResponse]:
        """Set the moment after which no work is begun, then go on."""
        exchange = request[EXCHANGE]
        exchange.deadline = exchange.started + budget(
            self._options, exchange.head.control, upload=exchange.upload
        )
        return handler(request)
