"""Moments: read in either generation's way, or unknown."""

from typing import Any

import pytest

from gateway.core.timestamps import iso_of, unix_of, utc


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        pytest.param(1_790_000_000, 1_790_000_000.0, id="s"),
        pytest.param(1_790_000_000_500, 1_790_000_000.5, id="ms"),
        pytest.param("2026-09-21T14:13:20Z", 1_790_000_000.0, id="iso"),
        pytest.param("2026-09-21T14:13:20", 1_790_000_000.0, id="iso-without-zone"),
        pytest.param("2026-09-21T11:13:20-03:00", 1_790_000_000.0, id="iso-with-zone"),
        pytest.param(None, None, id="missing"),
        pytest.param(True, None, id="no-number"),
        pytest.param(0, None, id="nothing"),
        pytest.param(-5, None, id="negative"),
        pytest.param(1e300, None, id="no-date"),
        pytest.param(float("nan"), None, id="nan"),
        pytest.param("soon", None, id="a-word"),
        pytest.param("0001-01-01T00:00:00+23:59", None, id="before-all-time"),
        pytest.param({"a": 1}, None, id="an-object"),
    ],
)
def test_a_moment_is_read_or_is_unknown(moment: Any, seconds: float | None) -> None:
    """A guess would make a credential due, or never due."""
    assert unix_of(moment) == seconds


def test_a_moment_is_written_as_dinie_writes_it() -> None:
    """In UTC, to the second."""
    assert iso_of(1_790_000_000.5) == "2026-09-21T14:13:20Z"


@pytest.mark.parametrize(
    ("unix", "year"), [(-1e300, 1970), (-1.0, 1970), (1.8e9, 2027), (1e300, 9999)]
)
def test_a_moment_that_no_calendar_has_is_the_nearest_one(
    unix: float, year: int
) -> None:
    """A span too long in a setting must not end a command with a traceback."""
    assert utc(unix).year == year
