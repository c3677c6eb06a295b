"""How one attempt ends: with a response, or with one of a closed set of failures."""

from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """How one attempt ended; also the metric label."""

    ANSWERED = "answered"
    NOT_SENT = "not_sent"  # DNS, refused, connect timeout
    TLS_INVALID = "tls_invalid"  # the certificate does not hold
    TIMEOUT = "timeout"  # sent, nothing whole came in time
    DROPPED = "dropped"  # sent, the connection went away
    CUT = "cut"  # the response ended before its end
    MALFORMED = "malformed"  # the response is no HTTP


UNKNOWN_OUTCOMES: Final = frozenset(
    {Outcome.TIMEOUT, Outcome.DROPPED, Outcome.CUT, Outcome.MALFORMED}
)


class AttemptFailed(Exception):  # noqa: N818 - a fact about an attempt, no fault of ours
    """An attempt ended without a whole response."""

    def __init__(
        self, outcome: Outcome, detail: str, *, of_upstream: bool = True
    ) -> None:
        """Record how the attempt ended.

        Args:
            outcome: From the closed set.
            detail: For people, safe to show.
            of_upstream: Whether it says something of the upstream; a caller's short
                deadline, or a pool that is used up, does not.
        """
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail
        self.of_upstream = of_upstream
