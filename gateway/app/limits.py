"""Builds the stages that bound what is inside: admission, quota and bulkhead."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from gateway.admission.bulkhead import BulkheadStage
from gateway.admission.places import Presence
from gateway.admission.policy import UPLOAD_SLOTS
from gateway.admission.spool import Spool
from gateway.admission.stage import AdmissionStage
from gateway.config.schema import Config
from gateway.core.clock import Clock
from gateway.deadline.policy import budget
from gateway.forwarding.rules import Rules
from gateway.forwarding.spellings import LenientRules, prefixes_of
from gateway.identity.local_tokens import asks_for_token
from gateway.ratelimit.classify import lane_of
from gateway.ratelimit.stage import RateLimitStage
from gateway.server.health import Check
from gateway.server.readers import Readers
from gateway.server.streaming import ResponseStreams
from gateway.telemetry.metrics import Metrics

_log = structlog.get_logger("gateway.admission")


@dataclass(frozen=True, slots=True)
class Limits:
    """The stages that callers share; each shares out by caller and by lane."""

    admission: AdmissionStage
    ratelimit: RateLimitStage
    bulkhead: BulkheadStage


def build_limits(
    config: Config, clock: Clock, metrics: Metrics, weights: Mapping[str, float]
) -> Limits:
    """Return what bounds requests by their bodies, and attempts by quota and number.

    Args:
        config: The whole.
        clock: Real or fake.
        metrics: Hears how long attempts waited for a permit.
        weights: Of the callers that are configured.
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
        lane_of=lane_of,
        presence=presence,
        weights=weights,
    )
    admission = AdmissionStage(
        config.admission,
        denied=_denials(config),
        is_upload=Rules(config.admission.upload_routes),
        of_a_stranger=asks_for_token,
        allowed=lambda exchange: budget(
            config.deadline, exchange.control, upload=exchange.upload
        ),
        shed=(limiter.shed, bulkhead.shed),
        lane_of=lane_of,
        presence=presence,
        weights=weights,
        spool=Spool(on_event=say),
    )
    return Limits(admission, limiter, bulkhead)


def build_streams(config: Config, readers: Readers) -> ResponseStreams:
    """Return what relays large responses, within the pool's connections."""
    slots = config.admission.max_in_flight + UPLOAD_SLOTS
    most_apart = max(0, config.upstream.pool_size - slots)
    return ResponseStreams(readers, most_apart=most_apart)


def say(event: str, **fields: Any) -> None:
    """Log what happened to the folder of large bodies."""
    level = "error" if event == "spill_folder_failed" else "info"
    getattr(_log, level)(event, **fields)


def spool_check(spool: Spool) -> Check:
    """Return whether bodies over 1 MiB can be kept."""
    if spool.trouble is not None:
        return Check(ok=False, reason=spool.trouble)
    return Check(ok=True, reason=f"{spool.folder} can be written")


def _denials(config: Config) -> LenientRules:
    """Return what matches the routes that are refused."""
    upstream = config.upstream
    return LenientRules(
        config.admission.deny,
        prefixes=prefixes_of(upstream.accepted_prefixes, upstream.base_url),
        below=True,
    )
