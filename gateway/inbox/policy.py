"""What is a delivery about, who gets it, and when is it tried again? Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final, Literal

from gateway.core.circuit import CircuitRules
from gateway.core.timestamps import unix_of
from gateway.inbox.document import parse
from gateway.inbox.event_types import UNKNOWN

_TYPE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,4}")
PATTERN: Final = re.compile(r"\*|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SPREAD: Final = 0.2  # of a wait, either way
LONGEST_WAIT: Final = 86_400.0  # s; a subscriber's Retry-After is not obeyed beyond
_GONE: Final = 410
_FAULT: Final = 500
# One that fails half the time goes on. While the circuit is open deliveries keep their
# tries: a subscriber that is away for an hour must not use up what each of them has.
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
    """What a body says of itself, if it says anything."""

    event_type: str = UNKNOWN
    entity: str = ""  # id of the customer, offer or loan; empty: not said
    status: str = ""
    happened: float | None = None  # Unix, s


def read(body: bytes) -> Facts:
    """Return the facts of a signed body; bodies of all kinds are taken."""
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

    It names Dinie's attempt, and not the event: each repeat may have one of its own.
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
    # The values tell that it is this member which differs, and the bytes that no other
    # way of writing hides something.
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


@dataclass(frozen=True, slots=True)
class Try:
    """How one try ended; `status` None: there was no answer."""

    status: int | None
    retry_after: float | None = None  # s
    error: str = ""  # a word from a closed set, where there was no answer

    @property
    def ok(self) -> bool:
        """Whether the subscriber took it."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004

    @property
    def unwell(self) -> bool:
        """Whether this tells of the subscriber, and not of one delivery."""
        return self.status is None or self.status >= 500 or self.status == 429  # noqa: PLR2004

    @property
    def doubtful(self) -> bool:
        """Whether the delivery may be to blame for it, and not the subscriber."""
        return self.status == _FAULT


@dataclass(frozen=True, slots=True)
class Next:
    """What becomes of a delivery after a try."""

    outcome: Outcome
    wait: float = 0.0  # s until the next try, for `retry` and `disabled`


def after(done: Try, *, tries: int, schedule: Sequence[float], random: float) -> Next:
    """Return what becomes of a delivery.

    Args:
        done: How the try ended.
        tries: That were made, this one included.
        schedule: Waits before the second try and those after it, s.
        random: From [0, 1).
    """
    if done.ok:
        return Next("delivered")
    last = tries > len(schedule)
    wait = schedule[min(tries, len(schedule)) - 1]
    wait *= 1 - _SPREAD + 2 * _SPREAD * random
    if done.retry_after is not None:
        wait = max(wait, min(done.retry_after, LONGEST_WAIT))
    if done.status == _GONE:
        # It wants no more of anything: what waits for it is kept for a human.
        return Next("disabled", wait)
    return Next("dead") if last else Next("retry", wait)
