"""Keeps what happened to the last requests, to be asked for by request id.

Only numbers and words from closed sets: no path, no key, no header, nothing of a body.
"""

import re
from collections import deque
from itertools import chain, islice
from typing import Any, Final

import orjson

from gateway.core.dinie_routes import METHODS, TOKEN_PATH
from gateway.core.exchange import Exchange
from gateway.core.timestamps import iso_of

# The names of each step's facts, in their order.
_FACTS: Final[dict[str, tuple[str, ...]]] = {
    "permit": ("waited_ms", "limit", "remaining", "in_flight", "waiting"),
    "refused_by_limiter": (
        "retry_after_s",
        "limit",
        "remaining",
        "in_flight",
        "waiting",
    ),
    "slot": ("waited_ms", "in_flight"),
    "circuit": ("state",),
    "attempt": ("number", "outcome", "status", "took_ms"),
    "retry": ("because", "after_ms"),
    "no_retry": ("because", "rule"),
    "token": ("waited_ms",),
    "followed": ("waited_ms",),
}
# Id, method, route, caller; then the status, and a problem's name where there is one.
_FAILED: Final = re.compile(rb'\[(?:"[^"]*",){4}(?:5\d\d,|\d+,")')
_UNIDENTIFIED: Final = 100  # history of requests whose sender is not known
_UNKNOWN: Final = "caller-unknown"
_WAITS: Final = "queue", "permit", "token", "backoff", "upstream"


class RequestHistory:
    """The last requests, the oldest forgotten first.

    Each is kept as bytes: thousands of small objects that outlive their request would
    cost every request a tenth more CPU, in the processor's caches.
    """

    def __init__(self, most: int) -> None:
        """Keep so many; 0: none."""
        # `find` searches one by one: it is rare, and every request would pay for an
        # index.
        self._kept: deque[bytes] = deque(maxlen=most)
        # Apart: requests without a proof of their sender displace no caller's.
        self._unidentified: deque[bytes] = deque(maxlen=min(most, _UNIDENTIFIED))

    def add(self, exchange: Exchange, *, status: int, took: float, at: float) -> None:
        """Keep what is known of a finished exchange.

        Args:
            exchange: As it ended.
            status: As sent.
            took: s.
            at: s since 1970; when it ended.
        """
        if not self._kept.maxlen:
            return
        history = exchange.history
        waits = history.waits
        known = (
            exchange.request_id,
            exchange.method,
            exchange.target.route,
            exchange.caller,
            status,
            history.slug,
            history.sends,
            (waits.queue, waits.permit, waits.token, waits.backoff, waits.upstream),
            history.steps,
            exchange.started,
            took,
            at,
        )
        unidentified = history.slug == _UNKNOWN or exchange.target.route == TOKEN_PATH
        kept = self._unidentified if unidentified else self._kept
        kept.append(orjson.dumps(known, default=str))

    def find(self, request_id: str) -> dict[str, Any] | None:
        """Return the last request of an id; None: there is none, or no longer."""
        begins = orjson.dumps([request_id])[:-1] + b","
        every = chain(reversed(self._kept), reversed(self._unidentified))
        kept = next((one for one in every if one.startswith(begins)), None)
        if kept is None:
            return None
        _, method, route, caller, status, slug, sends, *rest = orjson.loads(kept)
        waits, steps, started, took, at = rest
        return {
            "request_id": request_id,
            "ended": at,
            "method": _method(method),
            "route": route,
            "caller": caller,
            "status": status,
            "problem": slug,
            "sends": sends,
            "took_ms": _ms(took),
            "waits_ms": dict(zip(_WAITS, map(_ms, waits), strict=True)),
            "steps": [_shown(step, started) for step in steps or ()],
        }

    def failures(self, most: int) -> list[dict[str, Any]]:
        """Return callers' last requests with a 5xx or a problem, newest first."""
        failed = (one for one in reversed(self._kept) if _FAILED.match(one))
        found = (orjson.loads(one) for one in islice(failed, most))
        return [
            {
                "request_id": one[0],
                "ended": iso_of(one[-1]),
                "method": _method(one[1]),
                "route": one[2],
                "status": one[4],
                "problem": one[5],
            }
            for one in found
        ]


def _method(name: str) -> str:
    return name if name in METHODS else "OTHER"  # it may be any text


def _shown(step: list[Any], started: float) -> dict[str, Any]:
    at, what, *facts = step
    names = _FACTS[what]
    shown = {
        name: _ms(fact) if name.endswith("_ms") else fact
        for name, fact in zip(names, facts, strict=True)
    }
    return {"at_ms": _ms(at - started), "what": what, **shown}


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
