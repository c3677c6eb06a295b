"""errors: one class for each outcome, one row for each class."""

import pytest

from gateway.core.errors import GatewayError
from gateway.core.problems import CATALOGUE

# As promised to callers; a change here is a change of the gateway's outside.
PROMISED = {
    ("bad-request", 400),
    ("caller-unknown", 401),
    ("route-forbidden", 403),
    ("origin-forbidden", 403),
    ("method-not-allowed", 405),
    ("request-too-large", 413),
    ("idempotency-key-reused", 422),
    ("idempotency-expired", 409),
    ("rate-limited", 429),
    ("upstream-auth-failed", 502),
    ("upstream-unreachable", 502),
    ("upstream-protocol", 502),
    ("outcome-unknown", 504),
    ("upstream-timeout", 504),
    ("credentials-unavailable", 503),
    ("circuit-open", 503),
    ("overloaded", 503),
    ("draining", 503),
}


def test_every_error_has_its_row_in_the_catalogue() -> None:
    """An error without a row would reach the caller as a bare 500."""
    assert set(GatewayError.__subclasses__()) == set(CATALOGUE)


def test_the_catalogue_is_the_promised_table() -> None:
    """Callers branch on slugs and statuses."""
    found = {(problem.slug, problem.status) for problem in CATALOGUE.values()}

    assert found == PROMISED
    assert len(CATALOGUE) == len(PROMISED)


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=kind.__name__) for kind in CATALOGUE]
)
def test_an_error_carries_facts_only(kind: type[GatewayError]) -> None:
    """Whoever renders it needs the sentence and the wait, nothing else."""
    error = kind("a fact", retry_after=2.5)

    assert (str(error), error.detail, error.retry_after) == ("a fact", "a fact", 2.5)


def test_an_error_says_nothing_of_waiting_unless_told() -> None:
    """A Retry-After where waiting does not help makes a caller wait in vain."""
    assert GatewayError("a fact").retry_after is None
