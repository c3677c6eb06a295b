"""Records each finished exchange: metrics, and one line in the log."""

import asyncio
from datetime import UTC, datetime

import orjson
from aiohttp import web

from gateway.core.clock import Clock
from gateway.core.dinie_routes import METHODS
from gateway.core.exchange import Exchange, milliseconds
from gateway.core.stage import EXCHANGE, Handler
from gateway.telemetry.ids import digest
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.ports import LineStream
from gateway.telemetry.request_history import RequestHistory

_SERVER_ERROR = 500
_CLOSED = 499  # no response went out; nginx's number for that
_FLUSH = 0.1  # s that a line may be kept back
_MOST_LINES = 500  # or so many


class RequestLog:
    """Writes the one line of a request, some at a time.

    It bypasses the processors: every field is from a closed set, a number or a digest,
    so there is nothing to redact, and this line is most of what a busy gateway logs.
    """

    def __init__(
        self,
        stream: LineStream | None,
        *,
        environment: str,
        json: bool = True,
        failures_only: bool = False,
    ) -> None:
        """Write to a stream, or nowhere.

        Args:
            stream: None: nothing is written.
            environment: Named in each line.
            json: Or lines for people.
            failures_only: Leave out what is no 5xx.
        """
        self._stream = stream
        self._least = _SERVER_ERROR if failures_only else 0
        self._environment = environment
        self._json = json
        self._lines: list[str] = []
        self._callers: dict[str, str] = {}
        self._second = -1
        self._stamp = ""

    def write(self, exchange: Exchange, *, status: int, took: float, at: float) -> None:
        """Write the line with the next flush.

        Args:
            exchange: Finished.
            status: As sent.
            took: s, from its start.
            at: Its end, s, Unix.
        """
        if self._stream is None or status < self._least:
            return
        line = self._line if self._json else self._plain
        self._lines.append(line(exchange, status, took, at))
        if len(self._lines) >= _MOST_LINES:
            self.flush()

    def _line(self, exchange: Exchange, status: int, took: float, at: float) -> str:
        """Return the line as JSON, put together by hand: no field needs escaping.

        Ids are hexadecimal or a ULID; methods, routes and slugs are closed sets; the
        caller's name comes from the configuration and is escaped once.
        """
        history = exchange.history
        waits = history.waits
        method = exchange.method if exchange.method in METHODS else "OTHER"
        caller = self._callers.get(exchange.caller)
        if caller is None:
            caller = self._callers[exchange.caller] = _quoted(exchange.caller)
        second = int(at)
        if second != self._second:
            self._second = second
            self._stamp = datetime.fromtimestamp(second, UTC).strftime(
                "%Y-%m-%dT%H:%M:%S"
            )
        slug = f',"slug":"{history.slug}"' if history.slug is not None else ""
        key = f',"key":"{digest(exchange.key)}"' if exchange.key is not None else ""
        level = "info" if status < _SERVER_ERROR else "warning"
        return (
            f'{{"event":"request","level":"{level}",'
            f'"timestamp":"{self._stamp}.{int((at - second) * 1000):03d}Z",'
            f'"request_id":"{exchange.request_id}","method":"{method}",'
            f'"route":"{exchange.target.route}","status":{status},'
            f'"attempts":{history.sends},"caller":{caller},'
            f'"environment":"{self._environment}","duration_ms":{milliseconds(took)},'
            f'"waits_ms":{{"queue":{milliseconds(waits.queue)},'
            f'"permit":{milliseconds(waits.permit)},'
            f'"token":{milliseconds(waits.token)},'
            f'"backoff":{milliseconds(waits.backoff)},'
            f'"upstream":{milliseconds(waits.upstream)}}}{slug}{key}}}'
        )

    def _plain(self, exchange: Exchange, status: int, took: float, at: float) -> str:
        """Return the line for a console."""
        history = exchange.history
        stamp = datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")
        method = exchange.method if exchange.method in METHODS else "OTHER"
        slug = f" {history.slug}" if history.slug is not None else ""
        return (
            f"{stamp} {method} {exchange.target.route} {status}{slug} "
            f"attempts={history.sends} {took * 1000:.1f} ms "
            f"request_id={exchange.request_id}"
        )

    def flush(self) -> None:
        """Write what was kept; a write for each line would cost more than the line."""
        lines, self._lines = self._lines, []
        if lines and self._stream is not None:
            self._stream.write("\n".join([*lines, ""]))
            self._stream.flush()

    async def run(self, clock: Clock) -> None:
        """Flush for as long as the gateway runs, and once more at its end."""
        try:
            while True:
                await clock.sleep(_FLUSH)
                self.flush()
        finally:
            self.flush()


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


class TelemetryStage:
    """Outermost on the caller's side: records every finished exchange."""

    def __init__(
        self, metrics: Metrics, log: RequestLog, clock: Clock, history: RequestHistory
    ) -> None:
        """Record to all that show what happened.

        Args:
            metrics: Counts and durations.
            log: Takes one line for each request.
            clock: Real or fake.
            history: Keeps the last requests for `explain`.
        """
        self._history = history
        self._metrics = metrics
        self._log = log
        self._clock = clock

    async def __call__(
        self, request: web.BaseRequest, handler: Handler
    ) -> web.StreamResponse:
        """Pass the request on, and record how it ended."""
        exchange = request[EXCHANGE]
        try:
            response = await handler(request)
        except asyncio.CancelledError:
            self.finished(exchange, _CLOSED)
            raise
        self.finished(exchange, response.status)
        return response

    def finished(self, exchange: Exchange, status: int) -> None:
        """Record an exchange that has its response, or never will; `status` as sent."""
        history = exchange.history
        history.status = status
        took = self._clock.now() - exchange.started
        metrics = self._metrics
        route, caller = exchange.target.route, exchange.caller
        metrics.request(exchange.method, route, status, caller, took)
        if history.slug is not None:
            metrics.errors.labels(history.slug).inc()
        if history.became_unknown:  # once a POST: no copy, no repeat of it
            metrics.unknown_outcomes.labels(route).inc()
        if history.lost_headers:
            metrics.lost_headers.inc(history.lost_headers)
        at = self._clock.unix()
        self._history.add(exchange, status=status, took=took, at=at)
        self._log.write(exchange, status=status, took=took, at=at)
