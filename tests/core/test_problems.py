"""problems: what a caller sees of an error."""

import orjson
import pytest

from gateway.core.errors import (
    CircuitOpen,
    GatewayError,
    IdempotencyKeyReused,
    MethodNotAllowed,
    RateLimited,
)
from gateway.core.problems import CATALOGUE, render, render_unknown, retry_after_seconds

# RFC 9209 2.3: the registered types that the table uses.
REGISTERED = {
    "connection_limit_reached",
    "connection_refused",
    "destination_unavailable",
    "http_protocol_error",
    "http_request_denied",
    "http_request_error",
    "http_response_incomplete",
    "http_response_timeout",
    "proxy_internal_error",
}


def test_a_problem_has_every_promised_member() -> None:
    """Callers branch on `code`, people read `detail`, support asks for `instance`."""
    _, body, _ = render(IdempotencyKeyReused("It was used."), instance="req-1")

    assert orjson.loads(body) == {
        "type": "urn:dinie-gateway:problem:idempotency-key-reused",
        "title": "The idempotency key belongs to another request",
        "status": 422,
        "detail": "It was used.",
        "instance": "req-1",
        "code": "gateway_idempotency_key_reused",
    }


def test_a_problem_names_itself_in_its_headers() -> None:
    """A caller that reads no bodies still tells our answers from Dinie's."""
    status, _, headers = render(RateLimited("Spent.", retry_after=1.2), instance="1")

    assert status == 429
    assert headers == {
        "Content-Type": "application/problem+json",
        "X-Gateway-Error": "rate-limited",
        "Proxy-Status": "dinie-gateway; error=http_request_denied",
        "Retry-After": "2",
    }


def test_a_method_that_is_not_relayed_is_told_which_are() -> None:
    """RFC 9110 15.5.6: a 405 has an Allow."""
    error = MethodNotAllowed("No.", allowed={"POST", "GET"})

    status, _, headers = render(error, instance="1")

    assert (status, headers["Allow"]) == (405, "GET, POST")


def test_a_problem_without_a_wait_has_no_retry_after() -> None:
    """Waiting would not help."""
    _, _, headers = render(CircuitOpen("Open."), instance="1")

    assert "Retry-After" not in headers


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=kind.__name__) for kind in CATALOGUE]
)
def test_every_problem_renders(kind: type[GatewayError]) -> None:
    """No row may fail at the moment it is needed, or name an unregistered error."""
    status, body, headers = render(kind("a fact"), instance="1")

    assert orjson.loads(body)["status"] == status
    assert headers["Proxy-Status"].removeprefix("dinie-gateway; error=") in REGISTERED


def test_an_unexpected_error_reveals_nothing() -> None:
    """Its text might hold a caller's data."""
    status, body, headers = render_unknown(instance="req-1")

    assert status == 500
    assert orjson.loads(body) == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "instance": "req-1",
    }
    assert headers == {
        "Content-Type": "application/problem+json",
        "Proxy-Status": "dinie-gateway; error=proxy_internal_error",
    }


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(0.0, "1", id="never-at-once"),
        pytest.param(0.001, "1", id="up"),
        pytest.param(1.0, "1", id="whole"),
        pytest.param(1.001, "2", id="up-again"),
        pytest.param(86400.0, "86400", id="a-day"),
    ],
)
def test_a_wait_is_rounded_up(seconds: float, text: str) -> None:
    """A caller that comes back a moment too early is refused again."""
    assert retry_after_seconds(seconds) == text
