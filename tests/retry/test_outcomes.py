"""Endings: what a caller is told, and whether it may repeat."""

import pytest

from gateway.core.attempt import AttemptFailed, Outcome
from gateway.core.errors import (
    CircuitOpen,
    GatewayError,
    OutcomeUnknown,
    UpstreamProtocol,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.core.exchange import Exchange
from gateway.retry.outcomes import outcome_unknown, problem, with_earlier_attempts
from tests.exchanges import change, new_exchange


def exchange(method: str = "POST", **fields: int) -> Exchange:
    made = new_exchange("id", method, "/loans", 1000.0)
    made.key = "order-1"
    change(made, **fields)
    return made


@pytest.mark.parametrize(
    ("method", "sends", "unknown", "outcome", "expected"),
    [
        ("POST", 1, 1, Outcome.TIMEOUT, OutcomeUnknown),
        ("POST", 0, 0, Outcome.NOT_SENT, UpstreamUnreachable),
        ("GET", 1, 1, Outcome.TIMEOUT, UpstreamTimeout),
        ("GET", 1, 1, Outcome.DROPPED, UpstreamProtocol),
    ],
)
def test_what_it_ends_with(
    method: str,
    sends: int,
    unknown: int,
    outcome: Outcome,
    expected: type[Exception],
) -> None:
    """Only a POST that was sent is in doubt."""
    made = exchange(method, sends=sends, unknown_sends=unknown)

    assert type(problem(made, AttemptFailed(outcome, "x"))) is expected


def test_who_may_repeat_is_told_the_key() -> None:
    """And who may not is told to read."""
    safe, unsafe = exchange(), exchange()
    change(unsafe, repeatable=False)

    assert "Idempotency-Key: order-1" in outcome_unknown(safe).detail
    assert outcome_unknown(unsafe).detail.endswith(
        " It cannot be repeated: read the resource to learn what became of it."
    )
    assert outcome_unknown(unsafe).retry_after is None


def test_an_unknown_outcome_says_how_the_last_attempt_ended() -> None:
    """An answer that can never be read is not told from a network that is down."""
    made = exchange(sends=4, unknown_sends=4)

    told = problem(made, AttemptFailed(Outcome.MALFORMED, "it has too many fields"))

    assert "the last time: it has too many fields" in told.detail


@pytest.mark.parametrize(
    ("method", "sends", "outcome", "detail", "retry_after"),
    [
        ("GET", 0, Outcome.NOT_SENT, "Nothing was sent: x.", 1.0),
        ("GET", 0, Outcome.TLS_INVALID, "Nothing was sent: x.", None),
        ("GET", 1, Outcome.TIMEOUT, "x; the method is safe to repeat.", 1.0),
        ("GET", 1, Outcome.DROPPED, "x.", 1.0),
    ],
)
def test_each_ending_says_why_and_when_to_come_again(
    method: str, sends: int, outcome: Outcome, detail: str, retry_after: float | None
) -> None:
    """Waiting helps against everything but a certificate that is not Dinie's."""
    said = problem(exchange(method, sends=sends), AttemptFailed(outcome, "x"))

    assert (said.detail, said.retry_after) == (detail, retry_after)


def test_an_unknown_outcome_is_worth_asking_again_in_a_second() -> None:
    """The same key then gets the response of the first."""
    said = outcome_unknown(exchange())

    assert said.retry_after == 1.0
    assert "came, so it may" in said.detail


def last_error(method: str, error: GatewayError, *, unknown: int) -> GatewayError:
    return with_earlier_attempts(exchange(method, unknown_sends=unknown), error)


def test_a_refusal_after_a_sent_post_is_an_unknown_outcome() -> None:
    """A caller that is told "circuit open" would send it with a new key."""
    refused = CircuitOpen("The circuit is open.")

    assert last_error("POST", refused, unknown=0) is refused
    assert type(last_error("POST", refused, unknown=1)) is OutcomeUnknown


def test_an_unknown_outcome_stays_what_it_is() -> None:
    """It says more of the last attempt than another one could."""
    error = OutcomeUnknown("x")

    assert last_error("POST", error, unknown=1) is error


def test_a_refusal_after_another_method_says_that_something_was_sent() -> None:
    """A DELETE may have taken effect although its repetition was refused."""
    refused = last_error("DELETE", CircuitOpen("The circuit is open."), unknown=1)
    failed = last_error("DELETE", UpstreamProtocol("x"), unknown=1)

    assert refused.detail == (
        "The circuit is open. An earlier attempt was sent, and its outcome is unknown."
    )
    assert failed.detail == "x"
