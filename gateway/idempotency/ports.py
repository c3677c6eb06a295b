"""What does the stage need of a store of records?"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True, eq=False)
class Record:
    """One key and what it was used for. No body is kept."""

    fingerprint: bytes
    created_at: float  # s, monotonic
    outcome: str = "in_flight"  # or "answered", "unknown"


class Records(Protocol):
    """Keeps a record for as long as Dinie remembers its key."""

    def get(self, key: str, *, now: float) -> Record | None:
        """Return a key's record while it lives."""

    def put(self, key: str, record: Record, *, now: float) -> None:
        """Keep a record."""

    def forget(self, key: str) -> None:
        """Drop a record: the request it stood for was never sent."""
