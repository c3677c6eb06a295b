"""Builds the sources of access tokens: of the current credential and of the next."""

import random
import ssl
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from gateway.app.secrets import log_event
from gateway.breaker.options import BreakerOptions
from gateway.breaker.stage import BreakerStage
from gateway.config.schema import Config
from gateway.core.clock import Clock
from gateway.credentials.canary import Canary, CanaryTokens, NextCredential
from gateway.credentials.token_source import TokenSource
from gateway.secrets.guard import check_credential
from gateway.secrets.watcher import SecretWatcher
from gateway.telemetry.metrics import Metrics
from gateway.upstream.guarded_token_endpoint import GuardedTokenEndpoint
from gateway.upstream.token_endpoint import HttpTokenEndpoint

_OPEN_FOR: Final = 5.0  # s, at most, that the token endpoint's circuit opens for first
_LONGEST_OPEN: Final = 30.0  # s


@dataclass(frozen=True, slots=True)
class Tokens:
    """The token endpoint with its circuit, and what is drawn from it."""

    endpoint: HttpTokenEndpoint
    breaker: BreakerStage
    current: TokenSource
    canary_source: TokenSource  # of the credential that a rotation brings
    canary: Canary  # sends a share of GETs with a token of that source


def build_tokens(
    config: Config,
    secrets: SecretWatcher,
    *,
    clock: Clock,
    metrics: Metrics,
    ssl_context: ssl.SSLContext | None,
) -> Tokens:
    """Return the token sources; inside a running loop.

    Args:
        config: Names the endpoint, its dialect and the canary's share.
        secrets: Hold the credentials; a new one is tried here before it is used.
        clock: Real or fake.
        metrics: Count refreshes and the canary's results.
        ssl_context: Of connections to Dinie; None: the default.
    """
    endpoint = HttpTokenEndpoint(
        config.upstream.base_url,
        token_auth=config.upstream.token_auth,
        ssl_context=ssl_context,
        on_event=log_event,
    )
    breaker = _build_breaker(config.breaker, clock)
    guarded = GuardedTokenEndpoint(endpoint, breaker)
    current = TokenSource(
        guarded, secrets, clock=clock, random=random.random, observer=metrics
    )
    secrets.prove_with(current.prove)
    canary_source = TokenSource(
        guarded,
        NextCredential(secrets, guard=partial(check_credential, config.environment)),
        clock=clock,
        random=random.random,
        observer=CanaryTokens(metrics.canary_result),
    )
    canary = Canary(
        canary_source,
        share=config.rotation.canary_share,
        random=random.random,
        on_result=metrics.canary_result,
    )
    return Tokens(endpoint, breaker, current, canary_source, canary)


def _build_breaker(options: BreakerOptions, clock: Clock) -> BreakerStage:
    """Return the token endpoint's own circuit, which probes sooner than the API's.

    Without a token every request waits, and asking for one has no side effect.
    """
    return BreakerStage(
        replace(options, open_for=min(options.open_for, _OPEN_FOR)),
        clock,
        random.random,
        "token",
        longest=_LONGEST_OPEN,
    )
