"""What does the gateway know about one request on its way through?"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO


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


class Body:
    """A request body that can be sent again: in memory, or spilled to a file."""

    __slots__ = ("data", "file", "size")

    def __init__(self, data: bytes = b"", file: BinaryIO | None = None) -> None:
        self.data = data
        self.file = file  # positioned anywhere; `chunks` rewinds
        if file is None:
            self.size = len(data)
        else:
            self.size = file.seek(0, 2)

    def chunks(self, size: int = 64 * 1024) -> Iterator[bytes]:
        """Yield the whole body from its start, blocking on the disk when spilled."""
        if self.file is None:
            if self.data:
                yield self.data
            return
        self.file.seek(0)
        while chunk := self.file.read(size):
            yield chunk

    def close(self) -> None:
        """Give the spilled file back."""
        if self.file is not None:
            self.file.close()


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
    body: Body = field(default_factory=Body)
    content_type: str = ""
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
