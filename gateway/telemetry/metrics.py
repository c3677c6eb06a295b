"""Defines every metric, with its name and labels."""

from collections.abc import Callable
from importlib import metadata
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from gateway.core.dinie_routes import METHODS
from gateway.telemetry.fast_metrics import LabelledCounter, LabelledHistogram

PREFIX: Final = "dinie_gateway_"
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60)
WEBHOOK_RESULTS: Final = (
    "accepted",
    "duplicate",
    "conflict",
    "bad_signature",
    "bad_timestamp",
    "malformed",
    "too_large",
    "unavailable",
)


class Metrics:
    """The metrics of one gateway. Labels come from closed sets, never from callers."""

    def __init__(self, *, environment: str) -> None:
        """Register all metrics; `environment` is a label of `build_info`."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._before_scrape: list[Callable[[], None]] = []
        self._add_traffic()
        self._add_dependencies()
        self._add_rotation()
        self._add_safety()
        self._add_inbox()
        self._add_storage()
        build = self._gauge("build_info", "Always 1.", "version", "environment")
        build.labels(version(), environment).set(1)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(PREFIX + name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(PREFIX + name, text, labels, registry=self.registry)

    def _labelled_counter(self, name: str, text: str, *labels: str) -> LabelledCounter:
        counter = LabelledCounter(PREFIX + name, text, labels)
        self.registry.register(counter)
        return counter

    def _labelled_histogram(self, name: str, text: str) -> LabelledHistogram:
        histogram = LabelledHistogram(PREFIX + name, text, "route", _BUCKETS)
        self.registry.register(histogram)
        return histogram

    def _add_traffic(self) -> None:
        self.requests = self._labelled_counter(
            "requests_total",
            "Requests with a response.",
            "method",
            "route",
            "status",
            "caller",
        )
        self.request_duration = self._labelled_histogram(
            "request_duration_seconds", "From the request's head to its response."
        )
        self.attempts = self._labelled_counter(
            "upstream_attempts_total", "Attempts at Dinie.", "route", "outcome"
        )
        self.upstream_duration = self._labelled_histogram(
            "upstream_duration_seconds", "One attempt at Dinie."
        )
        self.retries = self._counter("retries_total", "Retries scheduled.", "reason")
        self.errors = self._counter(
            "errors_total", "Problems made by the gateway.", "slug"
        )
        self.in_flight = self._gauge("in_flight", "Attempts with Dinie now.")

    def _add_dependencies(self) -> None:
        self.limit = self._gauge("rate_limit_limit", "Requests per window, as learned.")
        self.remaining = self._gauge(
            "rate_limit_remaining", "Requests left in this window."
        )
        self.reset = self._gauge(
            "rate_limit_reset_timestamp_seconds", "When the window ends, Unix."
        )
        self.permit_wait = Histogram(
            PREFIX + "rate_limit_wait_seconds",
            "Time attempts were held for a permit.",
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self.token_expiry = self._gauge(
            "token_expiry_timestamp_seconds", "When the current token ends, Unix."
        )
        self.token_refreshes = self._counter(
            "token_refreshes_total", "Attempts to get a token.", "reason", "result"
        )
        self.secrets_success = self._gauge(
            "secrets_last_success_timestamp_seconds", "Last good read, Unix."
        )
        self.vault_expiry = self._gauge(
            "vault_token_expiry_timestamp_seconds",
            "When a given Vault token ends, Unix; 0: the gateway renews it.",
        )
        self.secrets_refused = self._counter(
            "secrets_refused_total", "Reads that gave nothing usable.", "reason"
        )
        self.circuit = self._gauge(
            "circuit_state", "0 closed, 1 half-open, 2 open.", "name"
        )

    def _add_rotation(self) -> None:
        for reason in ("credential", "environment", "webhook_secret"):
            # Starts at 0, so that the first one shows as an increase.
            self.secrets_refused.labels(reason)
        self.credential_age = self._gauge(
            "credential_age_seconds", "Since Dinie made the credential; 0: unknown."
        )
        self.credential_expiry = self._gauge(
            "credential_expiry_timestamp_seconds",
            "When the credential must be replaced, Unix; 0: unknown.",
        )
        self.canary = self._counter(
            "canary_requests_total",
            "GETs sent with the next credential, and failed attempts to get its token.",
            "result",
        )

    def _add_safety(self) -> None:
        self.unknown_outcomes = self._counter(
            "unknown_outcomes_total", "POSTs whose outcome is unknown.", "route"
        )
        self.evictions = self._counter(
            "idempotency_evictions_total", "Records dropped because memory was full."
        )
        self.lost_headers = self._counter(
            "response_headers_dropped_total",
            "Headers of Dinie's that could not be relayed.",
        )
        self.log_lines_dropped = self._counter(
            "log_lines_dropped_total", "Log lines that could not be written."
        )
        self.identical_errors = self._counter(
            "identical_5xx_total", "The same 5xx again under one idempotency key."
        )

    def _add_inbox(self) -> None:
        self.webhooks = self._counter(
            "webhooks_received_total", "Webhooks of Dinie's.", "result"
        )
        for result in WEBHOOK_RESULTS:
            self.webhooks.labels(result)
        self.webhooks_unrouted = self._counter(
            "webhook_unrouted_total",
            "Stored webhooks that no subscriber wants.",
            "type",
        )
        self.deliveries = self._counter(
            "webhook_deliveries_total",
            "Deliveries attempted at subscribers.",
            "subscriber",
            "result",
        )
        self.inbox_state = self._gauge(
            "webhook_inbox", "Deliveries that have not succeeded.", "state"
        )
        self.oldest_pending = self._gauge(
            "webhook_oldest_pending_seconds",
            "Age of the oldest webhook with a pending delivery; 0: there is none.",
        )
        self.disabled = self._gauge(
            "webhook_subscribers_disabled", "Subscribers disabled by a 410."
        )

    def _add_storage(self) -> None:
        self.ledger_failures = self._counter(
            "ledger_failures_total", "Intents and outcomes that could not be written."
        )
        self.ledger_unknown = self._gauge(
            "ledger_unknown_outcomes", "POSTs in the ledger whose outcome is unknown."
        )
        self.ledger_oldest = self._gauge(
            "ledger_oldest_unknown_seconds", "Age of the oldest of them."
        )
        self.quarantined = self._counter(
            "storage_quarantined_total", "Damaged database files that were moved aside."
        )
        self.file_removals = self._counter(
            "storage_removed_total",
            "Database files that were removed or replaced while in use.",
        )

    def webhook(self, result: str) -> None:
        """Count one webhook that arrived."""
        self.webhooks.labels(result).inc()

    def unrouted(self, event_type: str) -> None:
        """Count one webhook that no subscriber wants."""
        self.webhooks_unrouted.labels(event_type).inc()

    def delivery(self, subscriber: str, result: str) -> None:
        """Count one attempted delivery."""
        self.deliveries.labels(subscriber, result).inc()

    def inbox(
        self, *, pending: int, delivering: int, dead: int, oldest: float, disabled: int
    ) -> None:
        """Set the gauges of the inbox.

        Args:
            pending: Deliveries that wait.
            delivering: Deliveries under way.
            dead: Deliveries given up.
            oldest: s; the age of the oldest webhook that waits.
            disabled: Subscribers.
        """
        counts = {"pending": pending, "delivering": delivering, "dead": dead}
        for state, count in counts.items():
            self.inbox_state.labels(state).set(count)
        self.oldest_pending.set(oldest)
        self.disabled.set(disabled)

    def request(
        self, method: str, route: str, status: int, caller: str, seconds: float
    ) -> None:
        """Count one request and its duration.

        Args:
            method: As received; unknown ones count as `OTHER`.
            route: A template.
            status: As sent.
            caller: From a closed set.
            seconds: From its head to its response.
        """
        known = method if method in METHODS else "OTHER"
        self.requests.add((known, route, str(status), caller))
        self.request_duration.observe(route, seconds)

    def attempt(self, route: str, outcome: str, seconds: float) -> None:
        """Count one attempt and its duration.

        Args:
            route: A template.
            outcome: From a closed set.
            seconds: From the send to the end of the attempt.
        """
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

    def canary_result(self, result: str) -> None:
        """Count the result of one use of the next credential."""
        self.canary.labels(result).inc()

    def token(self, reason: str, result: str) -> None:
        """Count one attempt to get a token."""
        self.token_refreshes.labels(reason, result).inc()

    def before_scrape(self, update: Callable[[], None]) -> None:
        """Call back before each scrape, to set gauges."""
        self._before_scrape.append(update)

    def render(self) -> bytes:
        """Return everything in the text format of Prometheus."""
        for update in self._before_scrape:
            update()
        return generate_latest(self.registry)


def version() -> str:
    """Return the version of the gateway that is installed."""
    try:
        return metadata.version("dinie-gateway")
    except metadata.PackageNotFoundError:
        return "unknown"
