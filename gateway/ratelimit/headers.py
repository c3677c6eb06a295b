"""Reads the quota that a response advertises. Pure.

Malformed fields are ignored, and nothing is raised.
Source: draft-ietf-httpapi-ratelimit-headers.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from gateway.core.retry_after import reset_at, sent_at

LONGEST_RESET = 3600.0  # s
_LONGEST_NUMBER = 15  # characters; a float holds it exactly


class Advertised(NamedTuple):
    """The quota as one response advertises it."""

    limit: int
    remaining: int
    resets_at: float  # s, monotonic; late by the response's way here, never early
    reset_unix: float  # s since 1970, on the server's clock; identifies the window


def advertised(
    headers: Mapping[str, str], *, now: float, unix: float
) -> Advertised | None:
    """Return the quota that a response advertises; None: not all three fields are good.

    Args:
        headers: Of the response; must find lower-case names.
        now: s, monotonic; when the response came.
        unix: s since 1970; used where the response has no `Date`.
    """
    limit = _whole(headers.get("x-ratelimit-limit"))
    remaining = _whole(headers.get("x-ratelimit-remaining"))
    # A limit of 0 is a mistake, and would close the quota for good.
    if not limit or remaining is None or remaining > limit:
        return None
    sent = sent_at(headers, unix=unix)
    reset = reset_at(headers, sent=sent)
    if reset is None:
        return None
    left = min(max(0.0, reset - sent), LONGEST_RESET)
    # With a reset years ahead, every later response would look out of date.
    return Advertised(limit, remaining, now + left, min(reset, sent + LONGEST_RESET))


@lru_cache(maxsize=256)  # the same few texts come all through a window
def _whole(text: str | None) -> int | None:
    if text is None or len(text) > _LONGEST_NUMBER:
        return None
    # str.isdigit takes other scripts' digits too.
    return int(text) if text.isdigit() and text.isascii() else None
