"""attempt: what is known of an attempt without a whole response."""

import pytest

from gateway.core.attempt import UNKNOWN_OUTCOMES, AttemptFailed, Outcome


@pytest.mark.parametrize("outcome", Outcome)
def test_only_what_was_sent_and_lost_is_unknown(outcome: Outcome) -> None:
    """A POST that was never sent may be sent again without a doubt."""
    lost = outcome in {"timeout", "dropped", "cut", "malformed"}

    assert (outcome in UNKNOWN_OUTCOMES) is lost


def test_a_failure_says_something_of_the_upstream_unless_told_otherwise() -> None:
    """Only a hurried caller or a spent pool is an exception."""
    failure = AttemptFailed(Outcome.DROPPED, "Dinie dropped the connection")

    assert failure.of_upstream
    assert str(failure) == failure.detail == "Dinie dropped the connection"
