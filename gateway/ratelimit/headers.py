"""What does an answer say about the quota? Pure; never raises.

Source: draft-ietf-httpapi-ratelimit-headers (malformed fields are ignored), RFC 9110
10.2.3 and 6.6.1.
"""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple

_EPOCH_MILLISECONDS = 1e12  # as large or larger is ms since 1970
_EPOCH_SECONDS = 1e9  # as large or larger is s since 1970; smaller is a span
_LONGEST_RESET = 3600.0  # s
_LONGEST_WAIT = 86400.0  # s
_LONGEST_NUMBER = 15  # characters; a float still holds it exactly


class Advertised(NamedTuple):
    """The quota as one answer tells it."""

    limit: int
    remaining: int
    resets_at: float  # s, monotonic; late by the answer's way back, never early
    window: float  # s since 1970 on the server's clock; the window's name


def advertised(
    headers: Mapping[str, str], *, now: float, unix: float
) -> Advertised | None:
    """Return the quota that an answer advertises; all three fields, or None.

    Args:
        headers: Of the answer; must find lower-case names.
        now: s, monotonic; when the answer came.
        unix: s; used where the answer has no `Date`.
    """
    limit = _whole(headers.get("x-ratelimit-limit"))
    remaining = _whole(headers.get("x-ratelimit-remaining"))
    reset = _number(headers.get("x-ratelimit-reset"))
    # A limit of nothing is no quota but a mistake, and would close us for good.
    if not limit or remaining is None or reset is None or remaining > limit:
        return None
    sent = _sent(headers, unix)
    if reset < _EPOCH_SECONDS:
        reset += sent
    elif reset >= _EPOCH_MILLISECONDS:
        reset /= 1000
    left = min(max(0.0, reset - sent), _LONGEST_RESET)
    # A reset years ahead would make every later answer look out of date.
    return Advertised(limit, remaining, now + left, min(reset, sent + _LONGEST_RESET))


def retry_after(headers: Mapping[str, str], *, unix: float) -> float | None:
    """Return how long an answer asks us to stay away, s; None where it does not.

    Args:
        headers: Of the answer; must find lower-case names.
        unix: s; used where the answer has no `Date`.
    """
    wait = _number(headers.get("retry-after-ms"))
    if wait is not None:
        return min(wait / 1000, _LONGEST_WAIT)
    text = headers.get("retry-after")
    wait = _number(text)
    if wait is None and text is not None:
        until = _moment(text)
        wait = None if until is None else max(0.0, until - _sent(headers, unix))
    return None if wait is None else min(wait, _LONGEST_WAIT)


def _sent(headers: Mapping[str, str], unix: float) -> float:
    """Return when the answer was made, by its own clock where it tells."""
    date = headers.get("date")
    moment = None if date is None else _moment(date)
    return unix if moment is None else moment


@lru_cache(maxsize=256)  # the same few texts come back all through a window
def _whole(text: str | None) -> int | None:
    if text is None or len(text) > _LONGEST_NUMBER:
        return None
    # str.isdigit takes other scripts' digits too.
    return int(text) if text.isdigit() and text.isascii() else None


@lru_cache(maxsize=256)
def _number(text: str | None) -> float | None:
    if text is None or len(text) > _LONGEST_NUMBER or not text.isascii():
        return None
    whole, dot, fraction = text.partition(".")
    # "nan", "inf", "-1" and "1e9" are no spans.
    if not whole.isdigit() or (dot and not fraction.isdigit()):
        return None
    return float(text)


@lru_cache(maxsize=16)  # a date is the same for a second, and slow to read
def _moment(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        # A zone of "-0000" comes without one; the machine's own must not step in.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
