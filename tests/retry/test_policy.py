"""retry.policy: the matrix, what servers ask for, and the wait that follows."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.core.attempt import Outcome
from gateway.retry.options import RetryOptions
from gateway.retry.policy import (
    attempts_allowed,
    may_repeat,
    server_wait,
    wait_before,
)

UNIX = 1_790_000_000.0  # Mon, 21 Sep 2026 14:13:20 GMT
DATE = "Mon, 21 Sep 2026 14:13:20 GMT"


@pytest.mark.parametrize(
    ("outcome", "status", "repeatable", "unrepeatable"),
    [
        pytest.param(Outcome.NOT_SENT, 0, True, True, id="not-sent"),
        pytest.param(Outcome.TLS_INVALID, 0, False, False, id="tls"),
        pytest.param(Outcome.TIMEOUT, 0, True, False, id="time-out"),
        pytest.param(Outcome.DROPPED, 0, True, False, id="dropped"),
        pytest.param(Outcome.CUT, 0, True, False, id="cut"),
        pytest.param(Outcome.MALFORMED, 0, True, False, id="malformed"),
        pytest.param(Outcome.ANSWERED, 408, True, False, id="408"),
        pytest.param(Outcome.ANSWERED, 429, True, True, id="429"),
        pytest.param(Outcome.ANSWERED, 500, True, False, id="500"),
        pytest.param(Outcome.ANSWERED, 502, True, False, id="502"),
        pytest.param(Outcome.ANSWERED, 503, True, False, id="503"),
        pytest.param(Outcome.ANSWERED, 504, True, False, id="504"),
        pytest.param(Outcome.ANSWERED, 200, False, False, id="200"),
        pytest.param(Outcome.ANSWERED, 302, False, False, id="302"),
        pytest.param(Outcome.ANSWERED, 400, False, False, id="400"),
        pytest.param(Outcome.ANSWERED, 401, False, False, id="401"),
        pytest.param(Outcome.ANSWERED, 403, False, False, id="403"),
        pytest.param(Outcome.ANSWERED, 404, False, False, id="404"),
        pytest.param(Outcome.ANSWERED, 409, False, False, id="409"),
        pytest.param(Outcome.ANSWERED, 410, False, False, id="410"),
        pytest.param(Outcome.ANSWERED, 422, False, False, id="422"),
        pytest.param(Outcome.ANSWERED, 425, False, False, id="425"),
        pytest.param(Outcome.ANSWERED, 501, False, False, id="501"),
        pytest.param(Outcome.ANSWERED, 505, False, False, id="505"),
    ],
)
def test_the_matrix(
    outcome: Outcome, status: int, *, repeatable: bool, unrepeatable: bool
) -> None:
    """A retry too few loses a sale, one too many lends twice."""
    assert may_repeat(outcome, status, repeatable=True) is repeatable
    assert may_repeat(outcome, status, repeatable=False) is unrepeatable


@pytest.mark.parametrize(
    ("attempts", "caller_retries", "expected"),
    [
        pytest.param(4, False, 4, id="ours"),
        pytest.param(4, True, 2, id="halved"),
        pytest.param(1, True, 1, id="never-raised"),
        pytest.param(9, True, 2, id="however-many"),
    ],
)
def test_a_caller_that_retries_itself_gets_two(
    attempts: int, expected: int, *, caller_retries: bool
) -> None:
    """Retries of retries multiply."""
    options = RetryOptions(attempts=attempts)

    assert attempts_allowed(options, caller_retries=caller_retries) == expected


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        pytest.param(503, {}, None, id="says-nothing"),
        pytest.param(503, {"Retry-After": "7"}, 7.0, id="seconds"),
        pytest.param(503, {"retry-after": " 7 "}, 7.0, id="case-and-space"),
        pytest.param(503, {"Retry-After": "1.5"}, 1.5, id="fraction"),
        pytest.param(503, {"Retry-After": "0"}, 0.0, id="at-once"),
        pytest.param(503, {"Retry-After": "-5"}, None, id="negative"),
        pytest.param(503, {"Retry-After": "nan"}, None, id="nan"),
        pytest.param(503, {"Retry-After": "inf"}, None, id="inf"),
        pytest.param(503, {"Retry-After": "1e9"}, None, id="exponent"),
        pytest.param(503, {"Retry-After": "0x10"}, None, id="hexadecimal"),
        pytest.param(503, {"Retry-After": "1_000"}, None, id="underscore"),
        pytest.param(503, {"Retry-After": "\u0661"}, None, id="other-digits"),
        pytest.param(503, {"Retry-After": "soon"}, None, id="words"),
        pytest.param(503, {"Retry-After": ""}, None, id="empty"),
        pytest.param(503, {"Retry-After": "9" * 30}, 86400.0, id="endless"),
        pytest.param(503, {"Retry-After": "99999999"}, 86400.0, id="years"),
        pytest.param(503, {"Retry-After-Ms": "250"}, 0.25, id="milliseconds"),
        pytest.param(
            503, {"Retry-After-Ms": "250", "Retry-After": "7"}, 0.25, id="ms-first"
        ),
        pytest.param(
            503, {"Retry-After-Ms": "x", "Retry-After": "7"}, 7.0, id="ms-malformed"
        ),
        pytest.param(
            503, {"Retry-After": "Mon, 21 Sep 2026 14:13:50 GMT"}, 30.0, id="date"
        ),
        pytest.param(
            503,
            {
                "Retry-After": "Mon, 21 Sep 2026 15:00:10 GMT",
                "Date": "Mon, 21 Sep 2026 15:00:00 GMT",
            },
            10.0,
            id="date-against-date",
        ),
        pytest.param(
            503,
            {"Retry-After": "Mon, 21 Sep 2026 14:13:50 GMT", "Date": "today"},
            30.0,
            id="date-against-a-broken-date",
        ),
        pytest.param(
            503, {"Retry-After": "Mon Sep 21 14:13:50 2026"}, 30.0, id="asctime"
        ),
        pytest.param(
            503, {"Retry-After": "Monday, 21-Sep-26 14:13:50 GMT"}, 30.0, id="rfc-850"
        ),
        pytest.param(
            503, {"Retry-After": "Mon, 21 Sep 2026 14:00:00 GMT"}, 0.0, id="past"
        ),
        pytest.param(503, {"X-RateLimit-Reset": "7"}, None, id="reset-on-a-503"),
        pytest.param(429, {"X-RateLimit-Reset": "7"}, 7.0, id="reset-delta"),
        pytest.param(429, {"X-RateLimit-Reset": "1790000012"}, 12.0, id="reset-epoch"),
        pytest.param(
            429, {"X-RateLimit-Reset": "1790000012500"}, 12.5, id="reset-epoch-ms"
        ),
        pytest.param(
            429,
            {
                "X-RateLimit-Reset": "1790000012",
                "Date": "Mon, 21 Sep 2026 14:13:30 GMT",
            },
            2.0,
            id="reset-against-date",
        ),
        pytest.param(429, {"X-RateLimit-Reset": "1700000000"}, 0.0, id="reset-past"),
        pytest.param(429, {"X-RateLimit-Reset": "-1"}, None, id="reset-negative"),
        pytest.param(
            429,
            {"X-RateLimit-Reset": "7", "Retry-After": "3"},
            3.0,
            id="retry-after-first",
        ),
    ],
)
def test_the_wait_that_a_server_asks_for(
    status: int, headers: dict[str, str], expected: float | None
) -> None:
    """Earlier is refused again, later is lost time."""
    assert server_wait(status, CIMultiDict(headers), unix=UNIX) == expected


@given(st.sampled_from([429, 503]), st.text(max_size=40), st.text(max_size=40))
def test_no_header_of_a_server_raises(status: int, text: str, date: str) -> None:
    """A strange header must not turn an answer into a 500."""
    headers = {"Retry-After": text, "Date": date, "X-RateLimit-Reset": text}

    wait = server_wait(status, headers, unix=UNIX)

    assert wait is None or (0.0 <= wait <= 86400.0 and math.isfinite(wait))


@pytest.mark.parametrize(
    ("retry", "asked", "random", "expected"),
    [
        pytest.param(1, None, 0.5, 0.25, id="first-backoff"),
        pytest.param(2, None, 0.5, 0.5, id="second"),
        pytest.param(3, None, 0.5, 1.0, id="third"),
        pytest.param(1, None, 0.0, 0.05, id="floor"),
        pytest.param(1, 2.0, 0.0, 2.0, id="never-earlier"),
        pytest.param(1, 2.0, 0.5, 2.1, id="a-tenth"),
        pytest.param(1, 60.0, 0.5, 60.5, id="at-most-a-second"),
    ],
)
def test_the_wait_before_a_retry(
    retry: int, asked: float | None, random: float, expected: float
) -> None:
    """What the server asks wins, and callers are spread upwards only."""
    found = wait_before(retry, asked, RetryOptions(), random=random)

    assert found == pytest.approx(expected)
