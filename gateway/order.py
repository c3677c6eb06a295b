"""In which order does a request pass the stages? The only place that says so.

The first listed sees the request first.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from aiohttp import ClientRequest, ClientResponse, web
from aiohttp.client_middlewares import ClientHandlerType, ClientMiddlewareType

from gateway.admission.bulkhead import BulkheadStage
from gateway.admission.stage import AdmissionStage
from gateway.credentials.local import LocalTokenStage
from gateway.credentials.stage import CredentialsStage
from gateway.deadline.stage import DeadlineStage
from gateway.idempotency.stage import IdempotencyStage
from gateway.message import Exchange
from gateway.ratelimit.stage import RateLimitStage

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
AttemptStage = Callable[
    [Exchange, ClientRequest, ClientHandlerType], Awaitable[ClientResponse]
]


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages of one gateway, wired by `app.py`.

    Around them stands the boundary (`server/proxy.py`), which sees every outcome and
    renders every error.
    """

    admission: AdmissionStage
    local_tokens: LocalTokenStage
    deadline: DeadlineStage
    idempotency: IdempotencyStage
    credentials: CredentialsStage
    ratelimit: RateLimitStage
    bulkhead: BulkheadStage
    transport: AttemptStage

    def around(self, handler: Handler) -> Handler:
        """Return the handler inside the stages that run once per request."""
        for stage in reversed(
            (
                self.admission,  # refuse before spending anything; then have the body
                self.local_tokens,  # an SDK's token call is none of Dinie's business
                self.deadline,  # everything below draws on one budget
                self.idempotency,  # outside retry: all attempts share one key
            )
        ):
            handler = partial(stage, handler=handler)
        return handler

    def attempt(self, exchange: Exchange) -> tuple[ClientMiddlewareType, ...]:
        """Return the client middlewares that run once per attempt, inside retry."""
        return (
            # A fresh token for each attempt; outside the limiter, so that the free
            # replay after a 401 pays quota too, and no permit is held for a mint.
            partial(self.credentials, exchange),
            # Every send spends quota and every answer teaches.
            partial(self.ratelimit, exchange),
            # Below the limiter: who waits for a permit holds no slot.
            partial(self.bulkhead, exchange),
            # The only hop with sockets.
            partial(self.transport, exchange),
        )
