"""Metrics: which there are, and that callers cannot invent labels."""

from importlib.metadata import PackageNotFoundError

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry.metrics import Metrics

# Names and labels as operators know them: alerts and dashboards are built on these.
KNOWN = {
    "requests_total": ("method", "route", "status", "caller"),
    "request_duration_seconds": ("route",),
    "upstream_attempts_total": ("route", "outcome"),
    "upstream_duration_seconds": ("route",),
    "retries_total": ("reason",),
    "errors_total": ("slug",),
    "rate_limit_limit": (),
    "rate_limit_remaining": (),
    "rate_limit_reset_timestamp_seconds": (),
    "rate_limit_wait_seconds": (),
    "token_expiry_timestamp_seconds": (),
    "token_refreshes_total": ("reason", "result"),
    "secrets_last_success_timestamp_seconds": (),
    "secrets_refused_total": ("reason",),
    "credential_age_seconds": (),
    "credential_expiry_timestamp_seconds": (),
    "vault_token_expiry_timestamp_seconds": (),
    "storage_quarantined_total": (),
    "storage_removed_total": (),
    "ledger_failures_total": (),
    "ledger_unknown_outcomes": (),
    "ledger_oldest_unknown_seconds": (),
    "webhook_oldest_pending_seconds": (),
    "webhook_subscribers_disabled": (),
    "webhooks_received_total": ("result",),
    "webhook_unrouted_total": ("type",),
    "webhook_deliveries_total": ("subscriber", "result"),
    "webhook_inbox": ("state",),
    "canary_requests_total": ("result",),
    "circuit_state": ("name",),
    "in_flight": (),
    "unknown_outcomes_total": ("route",),
    "idempotency_evictions_total": (),
    "identical_5xx_total": (),
    "log_lines_dropped_total": (),
    "response_headers_dropped_total": (),
    "build_info": ("version", "environment"),
}
SUFFIXES = ("_bucket", "_sum", "_count", "_created")


def busy() -> Metrics:
    """Return metrics where everything has happened once."""
    metrics = Metrics(environment="sandbox")
    metrics.request("POST", "/loans", 201, "shop", 0.2)
    metrics.attempt("/loans", "2xx", 0.1)
    metrics.retry("429")
    metrics.identical_5xx()
    metrics.secret_refused("environment")
    metrics.canary_result("ok")
    metrics.token("expired", "ok")
    metrics.errors.labels("overloaded").inc()
    metrics.circuit.labels("api").set(0)
    metrics.unknown_outcomes.labels("/loans").inc()
    metrics.webhook("accepted")
    metrics.unrouted("other")
    metrics.delivery("crm", "delivered")
    metrics.inbox(pending=1, delivering=0, dead=0, oldest=2.5, disabled=0)
    return metrics


def series(metrics: Metrics) -> dict[str, set[tuple[str, ...]]]:
    """Return the labels of each exported name, without the buckets' own."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            name = sample.name.removeprefix("dinie_gateway_")
            if name == sample.name or name.endswith("_created"):
                continue
            for suffix in SUFFIXES:
                name = name.removesuffix(suffix)
            labels = tuple(sorted(set(sample.labels) - {"le"}))
            found.setdefault(name, set()).add(labels)
    return found


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value("dinie_gateway_" + name, labels)


def test_the_metrics_are_these_and_no_others() -> None:
    """A renamed metric is an alert that never fires."""
    assert series(busy()) == {n: {tuple(sorted(ls))} for n, ls in KNOWN.items()}


def test_a_request_is_counted_with_its_duration() -> None:
    """The two series that every dashboard begins with."""
    metrics = Metrics(environment="local")

    metrics.request("GET", "/loans/{id}", 200, "shop", 0.3)
    metrics.request("GET", "/loans/{id}", 200, "shop", 0.05)

    labels = {"method": "GET", "route": "/loans/{id}", "status": "200"}
    assert value(metrics, "requests_total", **labels, caller="shop") == 2
    route = {"route": "/loans/{id}"}
    assert value(metrics, "request_duration_seconds_count", **route) == 2
    assert value(metrics, "request_duration_seconds_sum", **route) == 0.35
    counts = [
        value(metrics, "request_duration_seconds_bucket", le=le, **route)
        for le in ("0.025", "0.05", "0.25", "0.5", "+Inf")
    ]
    assert counts == [0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("method", "label"),
    [("PATCH", "PATCH"), ("BREW", "OTHER"), ("get", "OTHER"), ("X" * 100, "OTHER")],
)
def test_an_invented_method_is_no_label(method: str, label: str) -> None:
    """A caller cannot make new series."""
    metrics = Metrics(environment="local")

    metrics.request(method, "other", 405, "other", 0.0)

    labels = {"route": "other", "status": "405", "caller": "other"}
    assert value(metrics, "requests_total", method=label, **labels) == 1


def test_gauges_are_set_just_before_a_scrape() -> None:
    """What is shown is of now, and costs nothing in between."""
    metrics = Metrics(environment="local")
    metrics.before_scrape(lambda: metrics.in_flight.set(7))

    text = metrics.render().decode()

    assert "dinie_gateway_in_flight 7.0\n" in text


def test_the_build_names_its_environment() -> None:
    """Nobody mistakes a sandbox's graph for production's."""
    text = Metrics(environment="sandbox").render().decode()

    assert 'dinie_gateway_build_info{environment="sandbox",version="' in text


def test_an_uninstalled_gateway_still_has_metrics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Run from a checkout, it says that it does not know its version."""

    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", absent)

    text = Metrics(environment="local").render().decode()

    assert 'version="unknown"' in text
