"""Holds what arrived at the simulated Dinie, for assertions."""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

_SECRET = frozenset(
    {"authorization", "cookie", "proxy-authorization", "x-dinie-client-secret"}
)


@dataclass(slots=True)
class Entry:
    """One request as it arrived; secrets stand as digests."""

    seq: int
    at: float  # s, Unix
    method: str
    target: str  # raw, as on the request line
    headers: list[tuple[str, str]]
    body_sha256: str
    body_size: int
    status: int = 0  # 0: no answer was sent
    fault: str | None = None
    idempotency_key: str | None = None
    executed: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the entry for JSON."""
        return asdict(self)


def shown(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers with secrets replaced by a digest, so that two can be compared."""
    return [
        (name, _digest(value) if name.lower() in _SECRET else value)
        for name, value in headers
    ]


def _digest(value: str) -> str:
    return "sha256:" + hashlib.sha256(value.encode()).hexdigest()[:16]
