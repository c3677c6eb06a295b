"""Builds the stages that bound what is inside: admission, quota and bulkhead."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from gateway.admission.bulkhead import BulkheadStage
from gateway.admission.places import Presence
from gateway.admission.spool import Spool
from gateway.admission.stage import AdmissionStage
from gateway.config.schema import Config
from gateway.core.clock import Clock
from gateway.deadline.policy import budget
from gateway.forwarding.rules import Rules
from gateway.forwarding.spellings import LenientRules, prefixes_of
from gateway.identity.stage import asks_for_token
from gateway.ratelimit.stage import RateLimitStage
from gateway.telemetry.metrics import Metrics

_log = structlog.get_logger("gateway.admission")


@dataclass(frozen=True, slots=True)
class Limits:
    """The stages whose capacity is shared out by caller and by lane."""

    admission: AdmissionStage
    ratelimit: RateLimitStage
    bulkhead: BulkheadStage


def build_limits(
    config: Config, clock: Clock, metrics: Metrics, weights: Mapping[str, float]
) -> Limits:
    """Return the stages that bound requests by body, and attempts by quota and number.

    Args:
        config: Holds the limits.
        clock: Real or fake.
        metrics: Records how long attempts waited for a permit.
        weights: Of the configured callers, by name.
    """
    presence = Presence(weights, clock.now)
    limiter = RateLimitStage(
        config.ratelimit,
        clock,
        random.random,
        metrics.permit_wait.observe,
        weights,
    )
    bulkhead = BulkheadStage(
        config.admission.max_in_flight,
        clock=clock.now,
        adaptive=config.admission.adaptive,
        presence=presence,
        weights=weights,
    )
    admission = AdmissionStage(
        config.admission,
        denied=_denied_routes(config),
        is_upload=Rules(config.admission.upload_routes),
        is_unidentified=asks_for_token,
        allowed=lambda exchange: budget(
            config.deadline, exchange.head.control, upload=exchange.upload
        ),
        shed=(limiter.shed, bulkhead.shed),
        presence=presence,
        weights=weights,
        spool=Spool(on_event=log_event),
    )
    return Limits(admission, limiter, bulkhead)


def log_event(event: str, **fields: Any) -> None:
    """Log an event of the folder that holds large bodies."""
    level = "error" if event == "spill_folder_failed" else "info"
    getattr(_log, level)(event, **fields)


def _denied_routes(config: Config) -> LenientRules:
    """Return the rules of the routes that are refused."""
    upstream = config.upstream
    return LenientRules(
        config.admission.deny,
        prefixes=prefixes_of(upstream.accepted_prefixes, upstream.base_url),
        below=True,
    )
