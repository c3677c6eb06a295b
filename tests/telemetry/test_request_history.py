"""RequestHistory: what happened to the last requests, and nothing of a person."""

from typing import Any

from gateway.core.exchange import Exchange
from gateway.telemetry.request_history import RequestHistory
from tests.exchanges import new_exchange


def finished(number: int = 1, **known: Any) -> Exchange:
    known = {"route": "/customers", **known}
    return new_exchange(f"id-{number}", "POST", "/customers?cpf=123", 1000.0, **known)


def test_a_story_has_each_wait_attempt_and_decision() -> None:
    """In their order, with what they were about."""
    exchange = finished(sends=2, caller="billing", key="order-7")
    exchange.history.step(1000.1, "permit", 0.1, 100, 40, 3, 2)
    exchange.history.step(1000.2, "attempt", 1, "5xx", 503, 0.25)
    exchange.history.step(1000.45, "retry", "503", 0.5)
    exchange.history.step(1000.95, "circuit", "half-open")
    exchange.history.step(1000.95, "attempt", 2, "2xx", 201, 0.05)
    history = RequestHistory(10)

    history.add(exchange, status=201, took=1.0, at=1_790_000_000.0)
    found = history.find("id-1")

    assert found is not None
    assert (found["status"], found["sends"], found["took_ms"]) == (201, 2, 1000.0)
    assert [(one["at_ms"], one["what"]) for one in found["steps"]] == [
        (100.0, "permit"),
        (200.0, "attempt"),
        (450.0, "retry"),
        (950.0, "circuit"),
        (950.0, "attempt"),
    ]
    assert found["steps"][0] == {
        "at_ms": 100.0,
        "what": "permit",
        "waited_ms": 100.0,
        "limit": 100,
        "remaining": 40,
        "in_flight": 3,
        "waiting": 2,
    }
    assert found["steps"][2] == {
        "at_ms": 450.0,
        "what": "retry",
        "because": "503",
        "after_ms": 500.0,
    }
    assert "cpf" not in str(found)
    assert "order-7" not in str(found)


def test_the_oldest_are_forgotten() -> None:
    """Memory is bounded; an id that comes twice is the last one's."""
    history = RequestHistory(4)
    for number in (1, 2, 2, 3, 4):
        history.add(finished(number), status=200, took=0.1, at=float(number))

    known = [number for number in range(6) if history.find(f"id-{number}")]

    assert known == [2, 3, 4]


def test_it_can_be_switched_off() -> None:
    """Zero keeps none."""
    history = RequestHistory(0)
    history.add(finished(), status=200, took=0.1, at=0.0)

    assert history.find("id-1") is None


def test_the_last_failures_are_told_newest_first() -> None:
    """A 5xx of Dinie's, or a problem of the gateway's; a 404 is an answer."""
    history = RequestHistory(10)
    for number, (status, slug) in enumerate(
        [
            (503, None),
            (404, None),
            (200, None),
            (422, "idempotency-key-reused"),
            (504, "outcome-unknown"),
        ]
    ):
        exchange = finished(number, slug=slug, caller="billing")
        history.add(exchange, status=status, took=0.1, at=1_790_000_000.0)

    last = history.failures(2)

    assert [one["request_id"] for one in last] == ["id-4", "id-3"]
    assert last[0] == {
        "request_id": "id-4",
        "ended": "2026-09-21T14:13:20Z",
        "method": "POST",
        "route": "/customers",
        "status": 504,
        "problem": "outcome-unknown",
    }
    assert [one["status"] for one in history.failures(9)] == [504, 422, 503]
    assert RequestHistory(0).failures(5) == []


def test_a_method_of_a_strangers_is_not_repeated() -> None:
    """It could hold anything."""
    history = RequestHistory(10)
    exchange = finished()
    exchange.method = "CPF12345678909"
    history.add(exchange, status=501, took=0.1, at=0.0)

    found = history.find("id-1")

    assert found is not None
    assert found["method"] == history.failures(1)[0]["method"] == "OTHER"


def test_strangers_push_no_caller_out() -> None:
    """A thousand refused tokens must not hide why a loan failed a minute ago."""
    history = RequestHistory(3)
    history.add(finished(1, slug="overloaded"), status=503, took=0.0, at=0.0)
    for number in range(2, 200):
        history.add(
            finished(number, slug="caller-unknown"), status=401, took=0.0, at=0.0
        )
        history.add(
            finished(number + 200, route="/auth/token", slug="overloaded"),
            status=503,
            took=0.0,
            at=0.0,
        )

    assert history.find("id-1") is not None
    assert history.find("id-199") is not None
    assert [one["request_id"] for one in history.failures(5)] == ["id-1"]
