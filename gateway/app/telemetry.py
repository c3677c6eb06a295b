"""Builds what records requests: the ids, the log, the metrics and the history."""

from dataclasses import dataclass

from gateway.config.schema import Config
from gateway.core.clock import Clock
from gateway.telemetry.ids import RequestIds
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.ports import LogStream
from gateway.telemetry.request_history import RequestHistory
from gateway.telemetry.stage import RequestLog, TelemetryStage


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What a gateway records of its requests."""

    metrics: Metrics
    ids: RequestIds
    log: RequestLog
    history: RequestHistory  # the last requests, for `/explain`
    stage: TelemetryStage


def build_telemetry(
    config: Config, lines: LogStream, *, clock: Clock, quiet: bool
) -> Telemetry:
    """Return the recorders of one gateway.

    Args:
        config: Says which lines are written, in which form, and how many are kept.
        lines: Where they go.
        clock: Real or fake.
        quiet: Log no requests.
    """
    metrics = Metrics(environment=config.environment)
    lines.on_dropped = metrics.log_lines_dropped.inc
    level = config.telemetry.log_level
    log = RequestLog(
        None if quiet or level == "error" else lines,
        environment=config.environment,
        json=config.telemetry.log_format == "json",
        failures_only=level == "warning",
    )
    history = RequestHistory(config.telemetry.explained)
    stage = TelemetryStage(metrics, log, clock, history)
    return Telemetry(metrics, RequestIds(), log, history, stage)
