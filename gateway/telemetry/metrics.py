"""Which metrics are there? The only file with their names and labels."""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from gateway.telemetry.tally import Spread, Tally

PREFIX: Final = "dinie_gateway_"
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60)
_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
)


class Metrics:
    """The registry of one gateway. Labels come from closed sets, never from callers."""

    def __init__(self, *, environment: str) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(PREFIX + name, text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(PREFIX + name, text, labels, registry=registry)

        def histogram(name: str, text: str, *labels: str) -> Histogram:
            return Histogram(
                PREFIX + name, text, labels, registry=registry, buckets=_BUCKETS
            )

        self.requests = Tally(
            PREFIX + "requests_total",
            "Requests answered.",
            ("method", "route", "status", "caller"),
        )
        self.request_duration = Spread(
            PREFIX + "request_duration_seconds",
            "From the request's head to its answer.",
            "route",
            _BUCKETS,
        )
        self.attempts = Tally(
            PREFIX + "upstream_attempts_total",
            "Attempts at Dinie.",
            ("route", "outcome"),
        )
        self.upstream_duration = Spread(
            PREFIX + "upstream_duration_seconds",
            "One attempt at Dinie.",
            "route",
            _BUCKETS,
        )
        for tally in (self.requests, self.attempts):
            registry.register(tally)
        for spread in (self.request_duration, self.upstream_duration):
            registry.register(spread)
        self.retries = counter("retries_total", "Retries scheduled.", "reason")
        self.errors = counter("errors_total", "Problems made by the gateway.", "slug")
        self.limit = gauge("rate_limit_limit", "Requests per window, as learned.")
        self.remaining = gauge("rate_limit_remaining", "Requests left in this window.")
        self.reset = gauge(
            "rate_limit_reset_timestamp_seconds", "When the window ends, Unix."
        )
        self.permit_wait = histogram(
            "rate_limit_wait_seconds", "Time attempts were held for a permit."
        )
        self.token_expiry = gauge(
            "token_expiry_timestamp_seconds", "When the current token ends, Unix."
        )
        self.token_refreshes = counter(
            "token_refreshes_total", "Tries to get a token.", "reason", "result"
        )
        self.secrets_success = gauge(
            "secrets_last_success_timestamp_seconds", "Last good read, Unix."
        )
        self.secrets_refused = counter(
            "secrets_refused_total", "Reads that gave nothing usable.", "reason"
        )
        self.circuit = gauge("circuit_state", "0 closed, 1 half-open, 2 open.", "name")
        self.in_flight = gauge("in_flight", "Attempts with Dinie now.")
        self.unknown_outcomes = counter(
            "unknown_outcomes_total", "POSTs whose outcome nobody knows.", "route"
        )
        self.evictions = counter(
            "idempotency_evictions_total", "Records dropped for want of room."
        )
        self.lost_headers = counter(
            "response_headers_dropped_total", "Headers of Dinie's that cannot go on."
        )
        self.identical_errors = counter(
            "identical_5xx_total", "The same 5xx again under one idempotency key."
        )
        gauge("build_info", "Always 1.", "version", "environment").labels(
            _version(), environment
        ).set(1)
        self._before_scrape: list[Callable[[], None]] = []

    def request(
        self, method: str, route: str, status: int, caller: str, seconds: float
    ) -> None:
        """Count one answered request and its duration, s."""
        known = method if method in _METHODS else "OTHER"
        self.requests.add((known, route, str(status), caller))
        self.request_duration.observe(route, seconds)

    def attempt(self, route: str, outcome: str, seconds: float) -> None:
        """Count one attempt and its duration, s."""
        self.attempts.add((route, outcome))
        self.upstream_duration.observe(route, seconds)

    def retry(self, reason: str) -> None:
        """Count one scheduled retry."""
        self.retries.labels(reason).inc()

    def identical_5xx(self) -> None:
        """Count the same 5xx again under one key."""
        self.identical_errors.inc()

    def secret_refused(self, reason: str) -> None:
        """Count one read of the secrets that gave nothing usable."""
        self.secrets_refused.labels(reason).inc()

    def token(self, reason: str, result: str) -> None:
        """Count one try to get a token."""
        self.token_refreshes.labels(reason, result).inc()

    def before_scrape(self, update: Callable[[], None]) -> None:
        """Call back before each scrape, to set gauges."""
        self._before_scrape.append(update)

    def render(self) -> bytes:
        """Return everything in the text format of Prometheus."""
        for update in self._before_scrape:
            update()
        return generate_latest(self.registry)


def _version() -> str:
    try:
        return version("dinie-gateway")
    except PackageNotFoundError:
        return "unknown"
