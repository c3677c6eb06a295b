"""Reads how long a server asks to wait, from its header fields. Pure.

Nothing is raised for malformed fields.
Source: RFC 9110 10.2.3 (Retry-After), 5.6.7 (its dates) and 6.6.1 (Date).
"""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

LONGEST_WAIT: Final = 86_400.0  # s; more is cut to it
_EPOCH_MILLISECONDS: Final = 1e12  # as large or larger is ms since 1970
_EPOCH_SECONDS: Final = 1e9  # as large or larger is s since 1970; smaller is a span
_EXACT: Final = 15  # characters; a float holds it exactly
_LONGEST_DATE: Final = 64  # characters


def retry_after(headers: Mapping[str, str], *, unix: float) -> float | None:
    """Return the wait that a response asks for, s; at most a day.

    Args:
        headers: Of the response; must find lower-case names. `Retry-After-Ms` is
            preferred, since it is more exact.
        unix: s; used where the response has no `Date`.

    Returns:
        None where it asks for none, or in no form that can be parsed. A number of any
        length is parsed: ignoring a long one would mean no wait.
    """
    wait = number(headers.get("retry-after-ms"))
    if wait is not None:
        return min(wait / 1000, LONGEST_WAIT)
    text = headers.get("retry-after")
    wait = number(text)
    if wait is None and text is not None:
        until = _moment(text)
        wait = None if until is None else max(0.0, until - sent_at(headers, unix=unix))
    return None if wait is None else min(wait, LONGEST_WAIT)


def reset_at(headers: Mapping[str, str], *, sent: float) -> float | None:
    """Return the moment of `X-RateLimit-Reset`, s since 1970 on the server's clock.

    Args:
        headers: Of the response; must find lower-case names.
        sent: s since 1970; when the response was made, for a reset that is a span.
    """
    text = headers.get("x-ratelimit-reset")
    reset = None if text is None or len(text) > _EXACT else number(text)
    if reset is None:
        return None
    if reset < _EPOCH_SECONDS:
        return reset + sent
    return reset / 1000 if reset >= _EPOCH_MILLISECONDS else reset


def sent_at(headers: Mapping[str, str], *, unix: float) -> float:
    """Return when a response was made, s since 1970: its `Date`, or else `unix`."""
    date = headers.get("date")
    moment = None if date is None else _moment(date)
    return unix if moment is None else moment


def number(text: str | None) -> float | None:
    """Return a number that has neither sign nor exponent; None for anything else.

    One that no float holds is infinite.
    """
    if text is None or not text.isascii():  # str.isdigit takes other scripts' digits
        return None
    return _number(text) if len(text) <= _EXACT else _parsed(text)


def _parsed(text: str) -> float | None:
    stripped = text.strip(" \t")
    whole, dot, fraction = stripped.partition(".")
    # "nan", "inf", "-1" and "1e9" are no spans.
    if not whole.isdigit() or (dot and not fraction.isdigit()):
        return None
    return float(stripped)


_number = lru_cache(maxsize=256)(_parsed)  # the same few texts come again


@lru_cache(maxsize=16)  # a date is the same for a second, and slow to read
def _moment(text: str) -> float | None:
    if len(text) > _LONGEST_DATE:
        return None
    try:
        # RFC 9110 allows the 60th second of a leap minute, which `datetime` does not.
        moment = parsedate_to_datetime(text.replace(":60 ", ":59 "))
        # HTTP dates are GMT, also in the old forms that do not say so; the machine's
        # own zone must not step in.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
