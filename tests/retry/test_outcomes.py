"""Endings: what a caller is told, and whether it may repeat."""

import pytest

from gateway.core.attempt import AttemptFailed, Outcome
from gateway.core.errors import (
    OutcomeUnknown,
    UpstreamProtocol,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.core.exchange import Exchange
from gateway.retry.outcomes import outcome_unknown, problem
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
    assert "cannot be repeated" in outcome_unknown(unsafe).detail
    assert outcome_unknown(unsafe).retry_after is None


def test_an_unknown_outcome_says_how_the_last_attempt_ended() -> None:
    """An answer that can never be read is not told from a network that is down."""
    made = exchange(sends=4, unknown_sends=4)

    told = problem(made, AttemptFailed(Outcome.MALFORMED, "it has too many fields"))

    assert "the last time: it has too many fields" in told.detail
