"""Reads the quota that a response advertises. Pure; never raises.

Source: draft-ietf-httpapi-ratelimit-headers (malformed fields are ignored).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from gateway.core.retry_after import reset_at, sent_at

LONGEST_RESET = 3600.0  # s
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
    # A limit of nothing is no quota but a mistake, and would close us for good.
    if not limit or remaining is None or remaining > limit:
        return None
    sent = sent_at(headers, unix=unix)
    reset = reset_at(headers, sent=sent)
    if reset is None:
        return None
    left = min(max(0.0, reset - sent), LONGEST_RESET)
    # A reset years ahead would make every later answer look out of date.
    return Advertised(limit, remaining, now + left, min(reset, sent + LONGEST_RESET))


@lru_cache(maxsize=256)  # the same few texts come back all through a window
def _whole(text: str | None) -> int | None:
    if text is None or len(text) > _LONGEST_NUMBER:
        return None
    # str.isdigit takes other scripts' digits too.
    return int(text) if text.isdigit() and text.isascii() else None
