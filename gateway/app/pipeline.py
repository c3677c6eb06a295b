"""Builds the way of a request: its stages, the connections below, the proxy above."""

import asyncio
import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gateway.admission.policy import UPLOAD_SLOTS
from gateway.app.callers import build_identity
from gateway.app.limits import build_limits
from gateway.app.persistence import Persistence
from gateway.app.telemetry import Telemetry
from gateway.app.tokens import Tokens
from gateway.breaker.attempt_stage import AttemptBreakerStage
from gateway.breaker.stage import BreakerStage
from gateway.config.schema import Config
from gateway.core.clock import Clock, instant
from gateway.core.dinie_routes import template
from gateway.core.origin import proxy_rule
from gateway.credentials.stage import CredentialsStage
from gateway.deadline.policy import head_limit
from gateway.deadline.stage import DeadlineStage
from gateway.idempotency.policy import upstream_headers
from gateway.idempotency.scope import Scope
from gateway.idempotency.stage import IdempotencyStage
from gateway.pipeline.order import Stages
from gateway.pipeline.relay import Relay
from gateway.retry.stage import RetryStage
from gateway.secrets.watcher import SecretWatcher
from gateway.server.boundary import BoundaryStage
from gateway.server.proxy import Proxy
from gateway.server.readers import Readers
from gateway.server.request_head import RequestHeadStage
from gateway.server.streaming import ResponseStreams
from gateway.telemetry.metrics import Metrics
from gateway.upstream.base import Base
from gateway.upstream.client import Sender
from gateway.upstream.sweeper import Sweeper
from gateway.upstream.transport import Transport


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The way of a request, and the parts of it that others look at."""

    proxy: Proxy
    stages: Stages
    breaker: BreakerStage  # of Dinie's API
    sender: Sender
    sweeper: Sweeper

    async def close(self) -> None:
        """Close the connections to Dinie."""
        self.sweeper.close()
        await self.sender.close()


def build_pipeline(
    config: Config,
    *,
    clock: Clock,
    ssl_context: ssl.SSLContext | None,
    secrets: SecretWatcher,
    tokens: Tokens,
    persistence: Persistence,
    telemetry: Telemetry,
    readers: Readers,
    horizon: Callable[[], float],
) -> Pipeline:
    """Return the way of a request; inside a running loop.

    Args:
        config: Holds every stage's options.
        clock: Real or fake.
        ssl_context: Of connections to Dinie; None: the default.
        secrets: Hold the callers' tokens.
        tokens: Authorize the attempts.
        persistence: Keeps idempotency keys and outcomes.
        telemetry: Records every request.
        readers: Know the connections that do not take what is sent.
        horizon: Returns until when attempts may be begun, s, monotonic.
    """
    sweeper = Sweeper(asyncio.get_running_loop(), clock.now)
    breaker = BreakerStage(config.breaker, clock, random.random, "api")
    sender = _build_sender(config, ssl_context)
    metrics = telemetry.metrics
    stages = _build_stages(
        config,
        clock=clock,
        secrets=secrets,
        tokens=tokens,
        persistence=persistence,
        telemetry=telemetry,
        relay=_build_relay(config, clock, sweeper, readers),
        retry=_build_retry(config, clock, metrics, horizon),
        breaker=_build_breaker(config, clock, breaker),
        transport=Transport(
            config.deadline, sender, sweeper, clock.now, metrics.attempt
        ),
    )
    proxy = Proxy(
        stages.handler(),
        boundary=stages.boundary,
        telemetry=telemetry.stage,
        clock=clock.now,
        request_ids=telemetry.ids.accept,
    )
    return Pipeline(proxy, stages, breaker, sender, sweeper)


def _build_sender(config: Config, ssl_context: ssl.SSLContext | None) -> Sender:
    return Sender(
        Base.of(config.upstream.base_url),
        pool_size=config.upstream.pool_size,
        connect=config.deadline.connect,
        ssl_context=ssl_context,
    )


def _build_stages(
    config: Config,
    *,
    clock: Clock,
    secrets: SecretWatcher,
    tokens: Tokens,
    persistence: Persistence,
    telemetry: Telemetry,
    relay: Relay,
    retry: RetryStage,
    breaker: AttemptBreakerStage,
    transport: Transport,
) -> Stages:
    """Return the stages; their order is in `pipeline/order.py`."""
    callers = build_identity(config, secrets, telemetry.ids.new, clock)
    limits = build_limits(config, clock, telemetry.metrics, callers.weights)
    return Stages(
        telemetry=telemetry.stage,
        boundary=BoundaryStage(environment=config.environment, clock=clock.now),
        head=_build_head(config),
        identity=callers.stage,
        admission=limits.admission,
        local_tokens=callers.local_tokens,
        deadline=DeadlineStage(config.deadline),
        idempotency=_build_idempotency(config, clock, persistence, callers.key_scope),
        relay=relay,
        retry=retry,
        breaker=breaker,
        credentials=_build_credentials(tokens, clock, telemetry.metrics),
        ratelimit=limits.ratelimit,
        bulkhead=limits.bulkhead,
        transport=transport,
    )


def _build_retry(
    config: Config, clock: Clock, metrics: Metrics, horizon: Callable[[], float]
) -> RetryStage:
    return RetryStage(
        config.retry,
        clock=clock,
        random=random.random,
        observer=metrics,
        horizon=horizon,
    )


def _build_breaker(
    config: Config, clock: Clock, breaker: BreakerStage
) -> AttemptBreakerStage:
    probe_time = head_limit(config.deadline, upload=False)
    return AttemptBreakerStage(breaker, clock.now, probe_time=probe_time)


def _build_credentials(
    tokens: Tokens, clock: Clock, metrics: Metrics
) -> CredentialsStage:
    on_rejected = partial(metrics.retry, "401")
    return CredentialsStage(tokens.current, clock, on_rejected, tokens.canary)


def _build_idempotency(
    config: Config, clock: Clock, persistence: Persistence, scope: Scope
) -> IdempotencyStage:
    return IdempotencyStage(
        config.idempotency,
        persistence.records,
        partial(instant, clock),
        persistence.ledger,
        scope,
    )


def _build_head(config: Config) -> RequestHeadStage:
    return RequestHeadStage(
        origin=proxy_rule(config.listen.proxy.host, config.listen.hosts),
        prefixes=config.upstream.accepted_prefixes,
        route_of=template,
    )


def _build_relay(
    config: Config, clock: Clock, sweeper: Sweeper, readers: Readers
) -> Relay:
    return Relay(
        sweeper=sweeper,
        streams=build_streams(config, readers),
        longest_stream=config.deadline.maximum,
        key_headers=partial(upstream_headers, config.idempotency),
        environment=config.environment,
        clock=clock.now,
    )


def build_streams(config: Config, readers: Readers) -> ResponseStreams:
    """Return the relay of large responses, within the pool's spare connections."""
    slots = config.admission.max_in_flight + UPLOAD_SLOTS
    most_apart = max(0, config.upstream.pool_size - slots)
    return ResponseStreams(readers, most_apart=most_apart)
