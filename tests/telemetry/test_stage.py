"""TelemetryStage and RequestLog: each finished request once, in numbers and words."""

import asyncio
import io
import json
from typing import Any

import pytest

from gateway.core.exchange import Exchange
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.request_history import RequestHistory
from gateway.telemetry.stage import RequestLog, TelemetryStage
from tests.exchanges import new_exchange
from tests.fakes import FakeClock


class Scene:
    """A stage, its clock, and where its lines go."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.clock = FakeClock()
        self.metrics = Metrics(environment="sandbox")
        self.log = RequestLog(self.stream, environment="sandbox")
        self.stage = TelemetryStage(
            self.metrics, self.log, self.clock, RequestHistory(10)
        )

    def lines(self) -> list[dict[str, Any]]:
        self.log.flush()
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def value(self, name: str, **labels: str) -> float | None:
        name = "dinie_gateway_" + name
        return self.metrics.registry.get_sample_value(name, labels)


def finished(**fields: Any) -> Exchange:
    return new_exchange(
        "0123456789abcdef",
        "POST",
        "/customers/12345678909",
        998.75,
        route="/customers/{id}",
        caller="shop",
        sends=2,
        **fields,
    )


def test_a_request_is_one_line_with_every_field() -> None:
    """The line answers the first questions of whoever is woken."""
    scene = Scene()
    exchange = finished(key="order-1")
    exchange.history.waits.queue = 0.5
    exchange.history.waits.upstream = 0.25

    scene.stage.finished(exchange, 201)

    assert scene.lines() == [
        {
            "event": "request",
            "level": "info",
            "timestamp": "2026-09-21T14:13:20.000Z",
            "request_id": "0123456789abcdef",
            "method": "POST",
            "route": "/customers/{id}",
            "status": 201,
            "attempts": 2,
            "caller": "shop",
            "environment": "sandbox",
            "duration_ms": 1250.0,
            "waits_ms": {
                "queue": 500.0,
                "permit": 0.0,
                "token": 0.0,
                "backoff": 0.0,
                "upstream": 250.0,
            },
            "key": "0bafe22156d2",
        }
    ]
    assert exchange.history.status == 201


def test_the_line_holds_neither_path_nor_key() -> None:
    """Both may be a borrower's CPF."""
    scene = Scene()

    scene.stage.finished(finished(key="cpf-12345678909"), 200)
    scene.log.flush()

    assert "12345678909" not in scene.stream.getvalue()


@pytest.mark.parametrize(
    ("status", "level"), [(200, "info"), (499, "info"), (500, "warning")]
)
def test_a_failure_stands_out(status: int, level: str) -> None:
    """Filtering by level finds what went wrong."""
    scene = Scene()

    scene.stage.finished(finished(), status)

    assert [line["level"] for line in scene.lines()] == [level]


def test_a_problem_is_counted_and_named() -> None:
    """The alert and the log speak of the same slug."""
    scene = Scene()

    scene.stage.finished(finished(slug="outcome-unknown", became_unknown=True), 504)

    assert [line["slug"] for line in scene.lines()] == ["outcome-unknown"]
    assert scene.value("errors_total", slug="outcome-unknown") == 1
    assert scene.value("unknown_outcomes_total", route="/customers/{id}") == 1


def test_a_request_is_counted() -> None:
    """Rates and latencies come from here."""
    scene = Scene()

    scene.stage.finished(finished(lost_headers=2), 200)

    labels = {"method": "POST", "route": "/customers/{id}", "caller": "shop"}
    assert scene.value("requests_total", status="200", **labels) == 1
    duration = "request_duration_seconds_sum"
    assert scene.value(duration, route="/customers/{id}") == 1.25
    assert scene.value("response_headers_dropped_total") == 2


def test_lines_are_kept_back_but_not_without_bound() -> None:
    """A write for each line would cost more than the line."""
    scene = Scene()
    for _ in range(499):
        scene.stage.finished(finished(), 200)
    before = scene.stream.getvalue()

    scene.stage.finished(finished(), 200)

    assert before == ""
    assert scene.stream.getvalue().count("\n") == 500


async def test_a_kept_line_is_written_soon_and_at_the_end() -> None:
    """Nothing is lost when the gateway stops."""
    scene = Scene()
    running = asyncio.create_task(scene.log.run(scene.clock))
    scene.stage.finished(finished(), 200)
    for _ in range(3):
        await asyncio.sleep(0)
    scene.stage.finished(finished(), 200)

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert scene.clock.slept[0] == 0.1
    assert scene.stream.getvalue().count("\n") == 2


def test_without_a_stream_nothing_is_written() -> None:
    """The log may be switched off by its level."""
    log = RequestLog(None, environment="local")

    log.write(finished(), status=200, took=0.1, at=0.0)
    log.flush()

    assert log._lines == []


def test_at_warning_only_failures_have_their_line() -> None:
    """Whoever turns the log down still wants to know what went wrong."""
    stream = io.StringIO()
    log = RequestLog(stream, environment="local", failures_only=True)

    for status in (200, 404, 503):
        log.write(finished(), status=status, took=0.1, at=0.0)
    log.flush()

    (line,) = stream.getvalue().splitlines()
    assert '"status":503' in line


def test_the_console_gets_a_line_for_people() -> None:
    """A person watching reads no JSON."""
    stream = io.StringIO()
    log = RequestLog(stream, environment="local", json=False)

    log.write(finished(slug="overloaded"), status=503, took=0.1, at=0.0)
    log.flush()

    [line] = stream.getvalue().splitlines()
    assert "/customers/{id}" in line
    assert "overloaded" in line
    assert not line.startswith("{")


def test_a_caller_s_configured_name_cannot_break_the_line() -> None:
    """Quotes in a name are still one JSON line."""
    scene = Scene()
    exchange = finished()
    exchange.caller = 'the "shop" \\ two'

    scene.stage.finished(exchange, 200)

    assert [line["caller"] for line in scene.lines()] == ['the "shop" \\ two']


@pytest.mark.parametrize("json_lines", [True, False])
def test_an_invented_method_is_not_repeated(json_lines: bool) -> None:
    """Whatever a scanner sends as a method, the log's words are ours."""
    stream = io.StringIO()
    log = RequestLog(stream, environment="local", json=json_lines)
    exchange = new_exchange("0" * 32, "12345678909", "/", 0.0)

    log.write(exchange, status=405, took=0.1, at=0.0)
    log.flush()

    assert "12345678909" not in stream.getvalue()
    assert "OTHER" in stream.getvalue()


def test_a_relayed_504_whose_post_is_unknown_counts() -> None:
    """The ledger calls it unknown, and so must the alert."""
    scene = Scene()

    scene.stage.finished(finished(became_unknown=True), 504)

    assert scene.value("unknown_outcomes_total", route="/customers/{id}") == 1


@pytest.mark.parametrize("slug", ["overloaded", "stream-cut", "outcome-unknown"])
def test_only_a_new_open_outcome_counts_as_one(slug: str) -> None:
    """The alert on it asks people to look at money; a follower's copy is none."""
    scene = Scene()

    scene.stage.finished(finished(slug=slug), 503)

    assert scene.value("errors_total", slug=slug) == 1
    assert scene.value("unknown_outcomes_total", route="/customers/{id}") is None
