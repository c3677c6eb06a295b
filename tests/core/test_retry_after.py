"""Retry-After in all its forms: what is read, what is ignored, that nothing escapes."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core.retry_after import number, reset_at, retry_after, sent_at

UNIX = 1_790_000_000.0
DATE = "Mon, 21 Sep 2026 14:13:20 GMT"  # 1_790_000_000
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
LOADED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
MOMENTS = st.integers(min_value=946_684_800, max_value=3_000_000_000)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"retry-after": "30"}, 30.0, id="seconds"),
        pytest.param({"retry-after": "1.5"}, 1.5, id="fraction"),
        pytest.param({"retry-after": " 30\t"}, 30.0, id="blanks"),
        pytest.param(
            {"retry-after": "30", "retry-after-ms": "1500"}, 1.5, id="ms-first"
        ),
        pytest.param(
            {"retry-after": "30", "retry-after-ms": "soon"}, 30.0, id="ms-malformed"
        ),
        pytest.param(
            {"retry-after": "Mon, 21 Sep 2026 14:13:50 GMT", "date": DATE},
            30.0,
            id="date",
        ),
        pytest.param(
            {"retry-after": "Mon, 21 Sep 2026 14:13:10 GMT", "date": DATE},
            0.0,
            id="date-passed",
        ),
        pytest.param(
            {"retry-after": "Mon, 21 Sep 2026 14:13:50 -0000"}, 30.0, id="no-zone"
        ),
        pytest.param(
            {"retry-after": "Mon, 21 Sep 2026 14:13:60 GMT"}, 39.0, id="leap-second"
        ),
        pytest.param(
            {"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 86400.0, id="last-date"
        ),
        pytest.param({"retry-after": "soon"}, None, id="words"),
        pytest.param({"retry-after": "-5"}, None, id="negative"),
        pytest.param({"retry-after": "1e3"}, None, id="exponent"),
        pytest.param({"retry-after": "٣"}, None, id="other-digits"),
        pytest.param({"retry-after": "99999999"}, 86400.0, id="a-day-at-most"),
        pytest.param({"retry-after-ms": "999999999999"}, 86400.0, id="ms-clamped"),
    ],
)
def test_retry_after_is_read_in_each_of_its_forms(
    headers: dict[str, str], expected: float | None
) -> None:
    """Asking too early earns another refusal."""
    assert retry_after(headers, unix=UNIX) == expected


@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms"])
@pytest.mark.parametrize("digits", [16, 20, 400, 8000])
def test_a_wait_of_any_number_of_digits_is_a_long_one(name: str, digits: int) -> None:
    """Ignoring what is too long to read would mean to ask again at once."""
    assert retry_after({name: "9" * digits}, unix=UNIX) == 86400.0


@LOADED
@given(st.integers(min_value=0, max_value=10**60), st.integers(0, 300))
def test_every_delay_of_the_grammar_is_obeyed(seconds: int, zeros: int) -> None:
    """RFC 9110 10.2.3: one digit or more, as many as a server likes."""
    headers = {"retry-after": "0" * zeros + str(seconds)}

    assert retry_after(headers, unix=UNIX) == min(seconds, 86400)


@LOADED
@given(MOMENTS, st.integers(min_value=-100_000, max_value=200_000))
def test_every_date_of_the_grammar_is_obeyed(sent: int, wait: int) -> None:
    """RFC 9110 5.6.7: the form of today and the two obsolete ones mean the same."""
    until, expected = datetime.fromtimestamp(sent + wait, UTC), min(max(0, wait), 86400)
    day, month = DAYS[until.weekday()], MONTHS[3 * until.month - 3 :][:3]
    forms = [
        f"{day[:3]}, {until:%d} {month} {until:%Y %H:%M:%S} GMT",
        f"{day}, {until:%d}-{month}-{until:%y %H:%M:%S} GMT",
        f"{day[:3]} {month} {until.day:2} {until:%H:%M:%S %Y}",
    ]
    date = f"{datetime.fromtimestamp(sent, UTC):%a, %d %b %Y %H:%M:%S} GMT"

    waits = [retry_after({"retry-after": one, "date": date}, unix=0.0) for one in forms]

    # A year of two digits is this century's until 2068.
    assert waits[0] == waits[2] == expected
    assert until.year > 2068 or waits[1] == expected


@pytest.mark.parametrize(
    ("reset", "expected"),
    [
        pytest.param("30", UNIX + 30, id="span"),
        pytest.param("1790000030", UNIX + 30, id="epoch-seconds"),
        pytest.param("1790000030500", UNIX + 30.5, id="epoch-milliseconds"),
        pytest.param("1790000030500000000", None, id="nanoseconds"),
        pytest.param("-1", None, id="negative"),
        pytest.param("", None, id="empty"),
    ],
)
def test_a_reset_is_a_span_or_a_moment(reset: str, expected: float | None) -> None:
    """Both are in use, and in two units; anything else tells nothing."""
    assert reset_at({"x-ratelimit-reset": reset}, sent=UNIX) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"date": "Mon, 21 Sep 2026 14:13:10 GMT"}, UNIX - 10),
        ({"date": "yesterday"}, UNIX),
        ({"date": DATE + "x" * 100}, UNIX),
        ({}, UNIX),
    ],
)
def test_a_response_tells_when_it_was_made(
    headers: dict[str, str], expected: float
) -> None:
    """Their clock may be slow; ours is used where it does not tell."""
    assert sent_at(headers, unix=UNIX) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", 7.0),
        ("0.25", 0.25),
        ("9" * 400, float("inf")),
        ("1.", None),
        (".5", None),
        ("", None),
        (None, None),
    ],
)
def test_a_number_has_neither_sign_nor_exponent(
    text: str | None, expected: float | None
) -> None:
    """What is no number must not become a wait."""
    assert number(text) == expected


FIELDS = st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset", "date"])
TEXTS = st.text() | st.integers().map(str) | st.floats().map(str)


@LOADED
@given(st.dictionaries(FIELDS, TEXTS))
def test_no_header_can_break_the_parser(headers: dict[str, str]) -> None:
    """What a server says must not take the gateway down, nor close it for ever."""
    wait = retry_after(headers, unix=UNIX)
    reset = reset_at(headers, sent=sent_at(headers, unix=UNIX))

    assert wait is None or 0 <= wait <= 86400
    assert reset is None or 0 <= reset < 1e15
