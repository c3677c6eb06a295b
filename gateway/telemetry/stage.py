"""Record each finished exchange: metrics, and one line in the log."""

from datetime import UTC, datetime
from typing import TextIO

import orjson
import structlog

from gateway.clock import Clock
from gateway.message import Exchange
from gateway.telemetry.ids import digest
from gateway.telemetry.metrics import Metrics

_FLUSH = 0.1  # s that a line may be kept back
_MOST_LINES = 500  # or so many


class RequestLog:
    """Writes the one line of a request, some at a time.

    It bypasses the processors: every field is from a closed set, a number or a digest,
    so there is nothing to redact, and this line is most of what a busy gateway logs.
    """

    def __init__(
        self, stream: TextIO | None, *, environment: str, json: bool = True
    ) -> None:
        """Wire the log; without a stream, nothing is written."""
        self._stream = stream
        self._environment = environment
        self._json = json
        self._lines: list[bytes] = []

    def write(self, exchange: Exchange, *, status: int, took: float, at: float) -> None:
        """Write the line with the next flush; `took` in s, `at` Unix."""
        if self._stream is None:
            return
        waits = exchange.waits
        fields = {
            "event": "request",
            "level": "info" if status < 500 else "warning",  # noqa: PLR2004
            "timestamp": datetime.fromtimestamp(at, UTC),
            "request_id": exchange.request_id,
            "method": exchange.method,
            "route": exchange.route,
            "status": status,
            "attempts": exchange.sends,
            "caller": exchange.caller,
            "environment": self._environment,
            "duration_ms": int(took * 10000) / 10,
            "waits_ms": {
                "queue": int(waits.queue * 10000) / 10,
                "permit": int(waits.permit * 10000) / 10,
                "token": int(waits.token * 10000) / 10,
                "backoff": int(waits.backoff * 10000) / 10,
                "upstream": int(waits.upstream * 10000) / 10,
            },
        }
        if exchange.slug is not None:
            fields["slug"] = exchange.slug
        if exchange.key is not None:
            fields["key"] = digest(exchange.key)
        if self._json:
            self._lines.append(orjson.dumps(fields))
            if len(self._lines) >= _MOST_LINES:
                self.flush()
        else:
            structlog.get_logger("gateway").info(**fields)

    def flush(self) -> None:
        """Write what was kept; a write for each line would cost more than the line."""
        lines, self._lines = self._lines, []
        if lines and self._stream is not None:
            self._stream.write(b"\n".join([*lines, b""]).decode())
            self._stream.flush()

    async def run(self, clock: Clock) -> None:
        """Flush for as long as the gateway runs, and once more at its end."""
        try:
            while True:
                await clock.sleep(_FLUSH)
                self.flush()
        finally:
            self.flush()


class TelemetryStage:
    """Hears of every finished exchange from the boundary."""

    def __init__(self, metrics: Metrics, log: RequestLog, clock: Clock) -> None:
        self._metrics = metrics
        self._log = log
        self._clock = clock

    def finished(self, exchange: Exchange, status: int) -> None:
        """Record an exchange that has its answer."""
        exchange.status = status
        took = self._clock.now() - exchange.started
        metrics = self._metrics
        metrics.request(exchange.method, exchange.route, status, exchange.caller, took)
        if exchange.slug is not None:
            metrics.errors.labels(exchange.slug).inc()
            if exchange.slug == "outcome-unknown":
                metrics.unknown_outcomes.labels(exchange.route).inc()
        if exchange.lost_headers:
            metrics.lost_headers.inc(exchange.lost_headers)
        self._log.write(exchange, status=status, took=took, at=self._clock.unix())
