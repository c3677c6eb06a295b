"""The parser of quota headers: what is taken, what is ignored, that nothing escapes."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ratelimit.headers import Advertised, advertised

NOW = 500.0
UNIX = 1_790_000_000.0
DATE = "Mon, 21 Sep 2026 14:13:20 GMT"  # 1_790_000_000


def fields(limit: str, remaining: str, reset: str, **more: str) -> dict[str, str]:
    return {
        "x-ratelimit-limit": limit,
        "x-ratelimit-remaining": remaining,
        "x-ratelimit-reset": reset,
        **more,
    }


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param(
            fields("100", "42", "1790000030", date=DATE),
            Advertised(100, 42, NOW + 30, 1_790_000_030),
            id="epoch-seconds",
        ),
        pytest.param(
            fields("100", "42", "1790000030500", date=DATE),
            Advertised(100, 42, NOW + 30.5, 1_790_000_030.5),
            id="epoch-milliseconds",
        ),
        pytest.param(
            fields("100", "42", "30", date=DATE),
            Advertised(100, 42, NOW + 30, 1_790_000_030),
            id="span",
        ),
        pytest.param(
            fields("100", "42", "1790000020", date="Mon, 21 Sep 2026 14:13:10 GMT"),
            Advertised(100, 42, NOW + 30, 1_790_000_020),
            id="their-clock-is-slow",
        ),
        pytest.param(
            fields("100", "42", "1790000030"),
            Advertised(100, 42, NOW + 30, 1_790_000_030),
            id="no-date",
        ),
        pytest.param(
            fields("100", "42", "1790000030", date="yesterday"),
            Advertised(100, 42, NOW + 30, 1_790_000_030),
            id="date-malformed",
        ),
        pytest.param(
            fields("100", "42", "1789999990", date=DATE),
            Advertised(100, 42, NOW, 1_789_999_990),
            id="reset-in-the-past",
        ),
        pytest.param(
            fields("100", "42", "2790000000", date=DATE),
            Advertised(100, 42, NOW + 3600, 1_790_003_600),
            id="reset-far-off-is-clamped",
        ),
        pytest.param(
            fields("7", "7", "0.5", date=DATE),
            Advertised(7, 7, NOW + 0.5, 1_790_000_000.5),
            id="fraction",
        ),
        pytest.param({}, None, id="none"),
        pytest.param(
            {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "1"},
            None,
            id="two-of-three",
        ),
        pytest.param(fields("100", "101", "30"), None, id="more-than-the-limit"),
        pytest.param(fields("100", "-1", "30"), None, id="negative-remaining"),
        pytest.param(fields("100", "1", "-30"), None, id="negative-reset"),
        pytest.param(fields("0", "0", "30"), None, id="no-quota-at-all"),
        pytest.param(fields("100, 100;w=60", "1", "30"), None, id="draft-list"),
        pytest.param(fields("٣", "1", "30"), None, id="other-digits"),
        pytest.param(fields("100", "1", "nan"), None, id="nan"),
        pytest.param(fields("100", "1", "1e3"), None, id="exponent"),
        pytest.param(fields("9" * 5000, "1", "30"), None, id="enormous"),
    ],
)
def test_all_three_fields_make_a_quota_or_none_does(
    headers: dict[str, str], expected: Advertised | None
) -> None:
    """A half-understood quota is worse than none."""
    assert advertised(headers, now=NOW, unix=UNIX) == expected


NUMBERS = st.integers().map(str) | st.floats().map(str)
DATES = st.datetimes().map(lambda one: one.strftime("%a, %d %b %Y %H:%M:%S GMT"))
VALUES = st.text() | NUMBERS | DATES
NAMES = st.sampled_from(
    [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "date",
    ]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(NAMES, VALUES))
def test_no_header_can_break_the_parser(headers: dict[str, str]) -> None:
    """What a server says must not take the gateway down, nor close it for ever."""
    seen = advertised(headers, now=NOW, unix=UNIX)

    assert seen is None or (
        0 <= seen.remaining <= seen.limit and NOW <= seen.resets_at <= NOW + 3600
    )
