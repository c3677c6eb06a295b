"""What does the attempt loop need from the rooms around it?"""

from typing import Protocol

from gateway.retry.policy import Outcome


class AttemptFailed(Exception):  # noqa: N818 - a fact about an attempt, no fault of ours
    """An attempt ended without a whole answer.

    It is no aiohttp error on purpose: the session repeats GET, PUT and DELETE by
    itself when it sees one of its own.
    """

    def __init__(self, outcome: Outcome, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail


class Breaker(Protocol):
    """Says whether the upstream may be asked, and hears how it went."""

    def admit(self) -> None:
        """Raise CircuitOpen, or let one attempt pass."""

    def record(self, outcome: str) -> None:
        """Take one verdict: `success`, `failure`, `connect_failure` or `ignored`."""


class Observer(Protocol):
    """Counts retries."""

    def retry(self, reason: str) -> None:
        """Note one scheduled retry."""

    def identical_5xx(self) -> None:
        """Note the same 5xx again under one key."""
