"""What does the gateway know about one request on its way through?"""

from dataclasses import dataclass, field
from enum import StrEnum


class Sent(StrEnum):
    """What is known about the last send of an exchange."""

    NOT_SENT = "not_sent"  # no byte reached a connection
    UNKNOWN = "unknown"  # written, no whole answer came
    ANSWERED = "answered"  # a whole answer came


@dataclass(slots=True, eq=False)
class Waits:
    """Where an exchange's time went, s."""

    queue: float = 0.0
    permit: float = 0.0
    token: float = 0.0
    backoff: float = 0.0
    upstream: float = 0.0


@dataclass(slots=True, eq=False)
class Exchange:
    """One inbound request and what became of it; stages fill it in as it passes.

    `target` is path and query after prefix stripping, raw; `route` the template used
    as a label; moments are monotonic.
    """

    request_id: str
    method: str
    target: str
    path: str
    query: str | None
    started: float
    route: str = "other"
    caller: str = "other"
    interactive: bool = True
    deadline: float = 0.0
    key: str | None = None  # as the caller sees it
    upstream_key: str | None = None  # as Dinie sees it
    key_minted: bool = False
    fingerprint: bytes = b""
    upload: bool = False
    repeatable: bool = True  # False: its effect cannot be repeated once received
    own_bearer: bool = False  # the caller's own bearer passes untouched
    retrying_caller: bool = False
    sends: int = 0  # requests written to a connection
    unknown_sends: int = 0  # sends whose outcome nobody knows
    status: int = 0  # the status sent to the caller; 0 while none
    slug: str | None = None
    note: str | None = None  # X-Gateway-Retry
    waits: Waits = field(default_factory=Waits)

    @property
    def safe_to_repeat(self) -> bool:
        """Whether the method may be executed twice without a second effect."""
        return self.method != "POST"
