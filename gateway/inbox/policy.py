"""Reads an event's facts, chooses its subscribers, and decides on further attempts.

Pure: callers pass `now` and random numbers.

Source: docs/adr/0010-inbox.md.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import inf
from typing import Any, Final, Literal

from gateway.core.circuit import CircuitRules
from gateway.core.timestamps import unix_of
from gateway.inbox.document import parse
from gateway.inbox.event_types import UNKNOWN
from gateway.inbox.options import SubscriberOptions

_TYPE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,4}")
PATTERN: Final = re.compile(r"\*|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SPREAD: Final = 0.2  # of a wait, either way
LONGEST_WAIT: Final = 86_400.0  # s; a subscriber's longer Retry-After is cut to it
_GONE: Final = 410
_INTERNAL_ERROR: Final = 500
# Opens after 10 failures in a row: a subscriber that fails half the time goes on. While
# it is open no attempt is counted: a subscriber that is away for an hour must not use
# up the schedule of each delivery. Source: docs/adr/0013-circuits.md.
CIRCUIT_RULES: Final = CircuitRules(
    window=inf,
    min_calls=10,
    failure_ratio=inf,
    open_for=5.0,
    longest=120.0,
    probes=1,
    look_every=inf,
)

Outcome = Literal["delivered", "retry", "dead", "disabled"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What an event says of itself, if it says anything."""

    event_type: str = UNKNOWN
    entity: str = ""  # id of the customer, offer or loan; empty: unknown
    status: str = ""
    happened: float | None = None  # Unix, s


def read(body: bytes) -> Facts:
    """Return the facts of a signed body; one that is no JSON has none."""
    try:
        event = parse(body)
    except ValueError:
        return Facts()
    if not isinstance(event, dict):
        return Facts()
    data = event.get("data")
    data = data if isinstance(data, dict) else {}
    named = event.get("type")
    typed = isinstance(named, str) and _TYPE.fullmatch(named) and named != UNKNOWN
    return Facts(
        str(named) if typed else UNKNOWN,
        _plain(data.get("id")),
        _plain(data.get("status")),
        unix_of(event.get("timestamp")),
    )


def repeats(first: bytes, later: bytes) -> bool:
    """Return whether two bodies differ in nothing but their `delivery_id`.

    That id names Dinie's attempt and not the event: each repeat may have its own.
    """
    try:
        documents = parse(first), parse(later)
    except ValueError:
        return False
    bytes_left, rest = [], []
    for document, body in zip(documents, (first, later), strict=True):
        if not isinstance(document, dict):
            return False
        found = document.pop("delivery_id", None)
        if not isinstance(found, str):
            return False
        quoted = f'"{found}"'.encode(errors="surrogatepass")
        bytes_left.append(body.replace(quoted, b'""'))
        rest.append(document)
    # Equal values show that only this member differs; equal bytes show that no other
    # spelling of the document hides a difference.
    return bytes_left[0] == bytes_left[1] and bool(rest[0] == rest[1])


def _plain(value: Any) -> str:
    return value if isinstance(value, str) and _PLAIN.fullmatch(value) else ""


def matches(patterns: Sequence[str], event_type: str) -> bool:
    """Return whether a type fits one of the patterns; an unknown one fits `*` only."""
    if "*" in patterns:
        return True
    if event_type == UNKNOWN:
        return False
    return any(
        event_type.startswith(pattern[:-1])
        if pattern.endswith(".*")
        else event_type == pattern
        for pattern in patterns
    )


def targets(subscribers: Sequence[SubscriberOptions]) -> dict[str, str]:
    """Return a digest of each subscriber's URL, by its name.

    A 410 holds for the URL that sent it, and not for the next one under that name.
    """
    return {one.name: sha256(one.url.encode()).hexdigest()[:16] for one in subscribers}


def wanting(
    subscribers: Sequence[SubscriberOptions],
) -> Callable[[str], list[str]]:
    """Return a function that names the subscribers of an event type."""
    return lambda event_type: [
        one.name for one in subscribers if matches(one.events, event_type)
    ]


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The result of one attempt."""

    status: int | None  # None: there was no response
    retry_after: float | None = None  # s
    error: str = ""  # a word from a closed set, where there was no response

    @property
    def ok(self) -> bool:
        """Whether the subscriber accepted the delivery."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004

    @property
    def subscriber_failed(self) -> bool:
        """Whether the subscriber is at fault, and not this delivery."""
        return self.status is None or self.status >= 500 or self.status == 429  # noqa: PLR2004

    @property
    def doubtful(self) -> bool:
        """Whether this delivery may be at fault, and not the subscriber."""
        return self.status == _INTERNAL_ERROR


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a delivery after an attempt."""

    outcome: Outcome
    wait: float = 0.0  # s until the next attempt, for `retry` and `disabled`


def decide(
    result: AttemptResult, *, attempts: int, schedule: Sequence[float], random: float
) -> Decision:
    """Decide what happens to a delivery after an attempt.

    Args:
        result: Of the attempt.
        attempts: Made so far, this one included.
        schedule: Waits before the second attempt and those after it, s.
        random: From [0, 1).

    Returns:
        `delivered` after a 2xx; `disabled` after a 410; `dead` where the schedule is
        used up; `retry` otherwise.
    """
    if result.ok:
        return Decision("delivered")
    last = attempts > len(schedule)
    wait = schedule[min(attempts, len(schedule)) - 1]
    wait *= 1 - _SPREAD + 2 * _SPREAD * random
    if result.retry_after is not None:
        wait = max(wait, min(result.retry_after, LONGEST_WAIT))
    if result.status == _GONE:
        # It wants no more events: what waits for it is kept until an operator decides.
        return Decision("disabled", wait)
    return Decision("dead") if last else Decision("retry", wait)
