"""Reads and writes moments in the forms of others: s, ms or ISO 8601. Pure."""

from datetime import UTC, datetime
from typing import Any, Final

LAST: Final = 253_402_300_000.0  # s since 1970; the calendar ends there
_MILLISECONDS: Final = 1e12  # as a Unix moment; in s it is the year 33658


def unix_of(moment: Any) -> float | None:
    """Return a moment as s since 1970, from a number (s or ms) or ISO 8601.

    Returns:
        None for input that cannot be parsed, never 0.
    """
    if isinstance(moment, bool) or moment is None:
        return None
    if isinstance(moment, int | float):
        seconds = moment / 1000 if moment >= _MILLISECONDS else float(moment)
    elif not isinstance(moment, str):
        return None
    else:
        try:
            read = datetime.fromisoformat(moment)
            seconds = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    return seconds if 0 < seconds < LAST else None


def utc(unix: float) -> datetime:
    """Return a moment (s since 1970) in UTC; one beyond the calendar is cut to it."""
    return datetime.fromtimestamp(min(max(unix, 0.0), LAST), UTC)


def iso_of(unix: float) -> str:
    """Return a moment (s since 1970) as ISO 8601 in UTC."""
    return utc(unix).strftime("%Y-%m-%dT%H:%M:%SZ")
