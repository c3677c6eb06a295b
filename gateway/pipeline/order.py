"""Lists every stage of a request and of an attempt, in order, and composes them.

The first listed sees a request first. Nothing is composed anywhere else. ADR 2 says why
the order is fixed here.
"""

from collections.abc import Awaitable
from dataclasses import dataclass

from aiohttp import web

from gateway.admission.bulkhead import BulkheadStage
from gateway.admission.stage import AdmissionStage
from gateway.breaker.attempt_stage import AttemptBreakerStage
from gateway.core.stage import AttemptStage, Handler, RequestStage, Send
from gateway.credentials.stage import CredentialsStage
from gateway.deadline.stage import DeadlineStage
from gateway.idempotency.stage import IdempotencyStage
from gateway.identity.stage import IdentityStage, LocalTokenStage
from gateway.pipeline.relay import Relay
from gateway.ratelimit.stage import RateLimitStage
from gateway.retry.stage import RetryStage
from gateway.server.boundary import BoundaryStage
from gateway.server.request_head import RequestHeadStage
from gateway.telemetry.stage import TelemetryStage
from gateway.upstream.transport import Transport


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages of one gateway, in order, and what joins and ends them."""

    telemetry: TelemetryStage
    boundary: BoundaryStage
    head: RequestHeadStage
    identity: IdentityStage
    admission: AdmissionStage
    local_tokens: LocalTokenStage
    deadline: DeadlineStage
    idempotency: IdempotencyStage
    relay: Relay  # innermost on the caller's side
    retry: RetryStage
    breaker: AttemptBreakerStage
    credentials: CredentialsStage
    ratelimit: RateLimitStage
    bulkhead: BulkheadStage
    transport: Transport  # innermost on Dinie's side: the only hop with sockets

    @property
    def per_request(self) -> tuple[RequestStage, ...]:
        """Return the stages on the caller's side, around the relay."""
        return (
            self.telemetry,  # sees every outcome, refusals included
            self.boundary,  # every error below becomes one response
            self.head,  # what the request says, read once; ambiguity is refused
            self.identity,  # before a body is read for a stranger
            self.admission,  # refuse before spending anything; then read the body
            self.local_tokens,  # an SDK's token call is none of Dinie's business
            self.deadline,  # everything below draws on one budget
            self.idempotency,  # outside retry: all attempts share one key and record
        )

    @property
    def per_attempt(self) -> tuple[AttemptStage, ...]:
        """Return the stages on Dinie's side, around the transport."""
        return (
            self.retry,  # runs once per request, and what follows once per attempt
            self.breaker,  # an open circuit spends neither quota nor time
            # A fresh token per attempt. Outside the limiter: the free replay after a
            # 401 pays quota too, and no permit waits for a token.
            self.credentials,
            self.ratelimit,  # every send spends quota, and every response teaches
            self.bulkhead,  # a wait for a permit holds no slot
        )

    def handler(self) -> Handler:
        """Return the handler of all requests."""
        relay = self.relay
        send = self.send()

        def handler(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
            return relay(request, send)

        composed: Handler = handler
        for stage in reversed(self.per_request):
            composed = _around_request(stage, composed)
        return composed

    def send(self) -> Send:
        """Return the way of an exchange to Dinie."""
        send: Send = self.transport
        for stage in reversed(self.per_attempt):
            send = _around_attempt(stage, send)
        return send


def _around_request(stage: RequestStage, handler: Handler) -> Handler:
    call = stage.__call__  # looked up once, not every time
    return lambda request: call(request, handler)


def _around_attempt(stage: AttemptStage, send: Send) -> Send:
    call = stage.__call__
    return lambda exchange: call(exchange, send)
