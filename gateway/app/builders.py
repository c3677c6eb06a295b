"""How does a gateway start, and how far has it come?"""

import gc
import random
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog

from gateway.app.callers import build_identity
from gateway.app.limits import build_limits
from gateway.breaker.stage import BreakerStage
from gateway.config.providers import build_provider
from gateway.config.schema import Config
from gateway.core.clock import Clock, instant
from gateway.credentials.canary import Canary, CanaryTokens, NextCredential
from gateway.credentials.ports import TokenEndpoint
from gateway.credentials.stage import CredentialsStage
from gateway.credentials.token_source import TokenSource
from gateway.deadline.policy import head_limit
from gateway.deadline.stage import DeadlineStage
from gateway.idempotency.ports import Journal, Records
from gateway.idempotency.scope import Scope
from gateway.idempotency.stage import IdempotencyStage
from gateway.pipeline.order import Stages
from gateway.retry.stage import RetryStage
from gateway.secrets.guard import check_credential, unknown_prefixes
from gateway.secrets.ports import SecretSet
from gateway.secrets.watcher import SecretKeeper
from gateway.server.certificates import Certificates
from gateway.server.health import Check
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.ports import LogStream
from gateway.telemetry.stage import RequestLog
from gateway.upstream.client import Sender
from gateway.upstream.sweeper import Sweeper
from gateway.upstream.token_endpoint import HttpTokenEndpoint
from gateway.upstream.transport import TransportStage

_log = structlog.get_logger("gateway.secrets")
_TOKEN_OPEN = 5.0  # s
_TOKEN_OPEN_AT_MOST = 30.0  # s
_LEVELS = {
    "certificate_refused": "error",
    "secrets_refused": "error",
    "secrets_ending": "warning",
    "secrets_unavailable": "warning",
    "token_life_assumed": "warning",
}


@dataclass(frozen=True, slots=True)
class Running:
    """Where a started gateway listens; None: off."""

    proxy: str | None
    admin: str | None
    webhooks: str | None = None


class WrongEnvironment(Exception):  # noqa: N818 - named for what happened
    """The credential and the environment disagree; the text says how."""


def build_keeper(
    config: Config,
    environ: Mapping[str, str],
    *,
    clock: Clock,
    on_refused: Callable[[str], None],
) -> SecretKeeper:
    """Return the keeper of the secrets; nothing is read yet."""
    return SecretKeeper(
        build_provider(config, environ),
        guard=partial(guard, config.environment),
        clock=clock,
        refresh=config.secrets.vault.refresh,
        random=random.random,
        on_event=say,
        on_refused=on_refused,
    )


def build_endpoint(
    config: Config, ssl_context: ssl.SSLContext | None
) -> HttpTokenEndpoint:
    """Return what mints tokens; inside a running loop."""
    return HttpTokenEndpoint(
        config.upstream.base_url,
        token_auth=config.upstream.token_auth,
        ssl_context=ssl_context,
        on_event=say,
    )


def build_tokens(
    endpoint: TokenEndpoint,
    secrets: SecretKeeper,
    *,
    environment: str,
    clock: Clock,
    metrics: Metrics,
) -> tuple[TokenSource, TokenSource]:
    """Return the tokens of the credential in force, and of the one that is to come."""
    tokens = TokenSource(
        endpoint, secrets, clock=clock, random=random.random, observer=metrics
    )
    secrets.prove_with(tokens.prove)
    following = TokenSource(
        endpoint,
        NextCredential(secrets, guard=partial(check_credential, environment)),
        clock=clock,
        random=random.random,
        observer=CanaryTokens(metrics.canary_result),
    )
    return tokens, following


def build_token_breaker(config: Config, clock: Clock) -> BreakerStage:
    """Return the token endpoint's own circuit, which looks again sooner.

    Without a token everybody waits, and asking for one has no effect.
    """
    open_for = min(config.breaker.open_for, _TOKEN_OPEN)
    options = replace(config.breaker, open_for=open_for)
    return BreakerStage(
        options, clock, random.random, "token", longest=_TOKEN_OPEN_AT_MOST
    )


def build_retry(
    config: Config,
    clock: Clock,
    breaker: BreakerStage,
    metrics: Metrics,
    horizon: Callable[[], float],
) -> RetryStage:
    """Return what runs the attempts; `horizon` as `RetryStage` has it."""
    return RetryStage(
        config.retry,
        clock=clock,
        random=random.random,
        breaker=breaker,
        observer=metrics,
        horizon=horizon,
        probe_time=head_limit(config.deadline, upload=False),
    )


def build_canary(tokens: TokenSource, config: Config, metrics: Metrics) -> Canary:
    """Return what sends a share of GETs with the credential that is to come."""
    return Canary(
        tokens,
        share=config.rotation.canary_share,
        random=random.random,
        on_result=metrics.canary_result,
    )


def build_sender(config: Config, ssl_context: ssl.SSLContext | None) -> Sender:
    """Return what sends attempts; inside a running loop."""
    return Sender(
        pool_size=config.upstream.pool_size,
        connect=config.deadline.connect,
        ssl_context=ssl_context,
    )


def build_stages(
    config: Config,
    *,
    records: Records,
    journal: Journal,
    clock: Clock,
    metrics: Metrics,
    secrets: SecretKeeper,
    tokens: TokenSource,
    canary: Canary,
    sweeper: Sweeper,
    new_id: Callable[[], str],
) -> Stages:
    """Return the stages of one gateway; their order is in `order.py`."""
    told = build_identity(config, secrets, new_id, clock)
    limits = build_limits(config, clock, metrics, told.weights)
    return Stages(
        identity=told.stage,
        admission=limits.admission,
        local_tokens=told.local_tokens,
        deadline=DeadlineStage(config.deadline),
        idempotency=build_idempotency(config, records, journal, clock, told.key_scope),
        credentials=CredentialsStage(
            tokens, clock, partial(metrics.retry, "401"), canary
        ),
        ratelimit=limits.ratelimit,
        bulkhead=limits.bulkhead,
        transport=TransportStage(config.deadline, sweeper, clock.now, metrics.attempt),
    )


def build_idempotency(
    config: Config, records: Records, journal: Journal, clock: Clock, scope: Scope
) -> IdempotencyStage:
    """Return what gives each POST its key."""
    now = partial(instant, clock)
    return IdempotencyStage(config.idempotency, records, now, journal, scope)


def build_log(
    config: Config, lines: LogStream, metrics: Metrics, *, quiet: bool
) -> RequestLog:
    """Return what writes the lines of requests.

    Args:
        config: Says which, and in which form.
        lines: Where they go.
        metrics: Count what is lost.
        quiet: None are written.
    """
    lines.on_dropped = metrics.log_lines_dropped.inc
    level = config.telemetry.log_level
    shown = not quiet and level != "error"
    return RequestLog(
        lines if shown else None,
        environment=config.environment,
        json=config.telemetry.log_format == "json",
        failures_only=level == "warning",
    )


def say(event: str, **fields: Any) -> None:
    """Log what happened to secrets, tokens and certificates, as loud as it is."""
    getattr(_log, _LEVELS.get(event, "info"))(event, **fields)


def guard(environment: str, found: SecretSet) -> list[str]:
    """Return why a set of secrets belongs to another environment; warn if unsure."""
    client_id, secret = found.client_id.reveal(), found.client_secret.reveal()
    if unknown := unknown_prefixes(client_id, secret):
        _log.warning("unknown_credential_prefix", fields=unknown)
    return check_credential(environment, client_id, secret)


def secrets_check(keeper: SecretKeeper) -> Check:
    """Return whether there are secrets, and what is wrong with the last read."""
    if keeper.current is not None:
        return Check(ok=True, reason=keeper.last_error or "read")
    return Check(ok=False, reason=keeper.last_error or "not read yet")


def certificate_check(certificates: Certificates) -> Check:
    """Return whether the listener's files are in use; the ones before are good, too."""
    return Check(ok=True, reason=certificates.trouble or "in use")


def token_check(tokens: TokenSource) -> Check:
    """Return whether a token was ever had.

    Latched: an outage of the token endpoint is no reason to hide the gateway.
    """
    reason = "a token was obtained" if tokens.ever_had_one else tokens.state
    if (left := tokens.told_to_wait) > 0:
        reason += f"; the token endpoint asks to wait {left:.0f} s more (Retry-After)"
    return Check(ok=tokens.ever_had_one, reason=reason)


def settle_memory() -> None:
    """Keep the collector away from what lives as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 100)
