"""Decides whether an attempt is repeated, and after how long. Pure.

The matrix is the one of the documentation ("What is retried"): rows are outcomes,
columns the kinds of request.
"""

from collections.abc import Mapping
from typing import Final

from gateway.core.attempt import Outcome
from gateway.core.backoff import FLOOR, full_jitter
from gateway.core.retry_after import LONGEST_WAIT, reset_at, retry_after, sent_at
from gateway.retry.options import RetryOptions

RETRYABLE_STATUSES: Final = frozenset({408, 429, 500, 502, 503, 504})
TOO_MANY_REQUESTS: Final = 429
_ATTEMPTS_FOR_A_RETRYING_CALLER: Final = 2
_MAX_JITTER: Final = 1.0  # s, on top of a wait that the server set


def may_repeat(outcome: Outcome, status: int, *, repeatable: bool) -> bool:
    """Return whether the matrix allows another attempt.

    Every request that gets here is idempotent by method or carries a key, so only the
    routes whose effect cannot be repeated (`repeatable` False) make a column of
    their own.

    Args:
        outcome: Of the attempt.
        status: Of the response; ignored where there was none.
        repeatable: Whether the effect may happen twice.

    Source: ADR 5.
    """
    if outcome is Outcome.NOT_SENT:
        return True
    if outcome is Outcome.TLS_INVALID:
        return False
    if outcome is Outcome.ANSWERED:
        if not repeatable:
            return status == TOO_MANY_REQUESTS
        return status in RETRYABLE_STATUSES
    return repeatable


def attempts_allowed(options: RetryOptions, *, caller_retries: bool) -> int:
    """Return the number of attempts; a caller that retries itself gets half of it."""
    if caller_retries:
        return min(options.attempts, _ATTEMPTS_FOR_A_RETRYING_CALLER)
    return options.attempts


def server_wait(
    status: int, headers: Mapping[str, str], *, unix: float
) -> float | None:
    """Return how long the server asks to wait, s; None where it does not say.

    Args:
        status: Of the answer; only a 429 lets `X-RateLimit-Reset` speak.
        headers: Of the answer; must find lower-case names.
        unix: s; used where the answer has no `Date`.

    Source: RFC 9110 10.2.3; Retry-After outranks a reset (RateLimit headers draft).
    """
    wait = retry_after(headers, unix=unix)
    if wait is None and status == TOO_MANY_REQUESTS:
        sent = sent_at(headers, unix=unix)
        reset = reset_at(headers, sent=sent)
        wait = None if reset is None else max(0.0, reset - sent)
    return None if wait is None else min(wait, LONGEST_WAIT)


def wait_before(
    retry: int, asked: float | None, options: RetryOptions, *, random: float
) -> float:
    """Return the wait before retry number `retry` (from 1), s.

    Args:
        retry: How many attempts were made.
        asked: s; what the server asked for, or None.
        options: Base and cap of the backoff.
        random: From [0, 1).
    """
    if asked is not None:
        # Upwards only: earlier than asked would be refused again.
        return max(FLOOR, asked + random * min(_MAX_JITTER, asked * 0.1))
    return full_jitter(retry - 1, base=options.base, cap=options.cap, random=random)
