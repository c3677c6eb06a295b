"""In which order does a request pass the stages? The only place that says so.

The first listed sees the request first.
"""

from collections.abc import Awaitable
from dataclasses import dataclass

from aiohttp import ClientRequest, ClientResponse
from aiohttp.client_middlewares import ClientHandlerType

from gateway.admission.bulkhead import BulkheadStage
from gateway.admission.stage import AdmissionStage
from gateway.core.exchange import Exchange
from gateway.core.stage import AttemptStage, Handler, RequestStage
from gateway.credentials.stage import CredentialsStage
from gateway.deadline.stage import DeadlineStage
from gateway.idempotency.stage import IdempotencyStage
from gateway.identity.local_tokens import LocalTokenStage
from gateway.identity.stage import IdentityStage
from gateway.ratelimit.stage import RateLimitStage


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages of one gateway, built by `app/`.

    Around them stands the boundary (`server/proxy.py`), which sees every outcome and
    renders every error.
    """

    identity: IdentityStage
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
                self.identity,  # before a body is read for somebody unknown
                self.admission,  # refuse before spending anything; then have the body
                self.local_tokens,  # an SDK's token call is none of Dinie's business
                self.deadline,  # everything below draws on one budget
                self.idempotency,  # outside retry: all attempts share one key
            )
        ):
            handler = _inside(stage, handler)
        return handler

    def attempt(self, send: ClientHandlerType) -> ClientHandlerType:
        """Return the stages that run once per attempt, inside retry, around a send.

        Made once: aiohttp would chain a list of middlewares anew for each request.
        """
        for stage in reversed(
            (
                # A fresh token for each attempt; outside the limiter, so that the free
                # replay after a 401 pays quota too, and no permit waits for a mint.
                self.credentials,
                # Every send spends quota and every answer teaches.
                self.ratelimit,
                # Below the limiter: who waits for a permit holds no slot.
                self.bulkhead,
                # The only hop with sockets.
                self.transport,
            )
        ):
            send = _bound(stage, send)
        return send


def _inside(stage: RequestStage, handler: Handler) -> Handler:
    call = stage.__call__  # looked up once, not every time
    return lambda request: call(request, handler)


def _bound(stage: AttemptStage, handler: ClientHandlerType) -> ClientHandlerType:
    call = stage.__call__

    def bound(request: ClientRequest) -> Awaitable[ClientResponse]:
        # All requests here are the sender's, which carry their exchange.
        exchange: Exchange = request.exchange  # type: ignore[attr-defined]
        return call(exchange, request, handler)

    return bound
