"""Holds what became of each webhook, for assertions."""

from dataclasses import asdict, dataclass, field
from typing import Any


def is_ok(status: int) -> bool:
    """Return whether a status acknowledges a webhook."""
    return 200 <= status < 300  # noqa: PLR2004


@dataclass(slots=True)
class Attempt:
    """One POST of a webhook."""

    at: float  # s, Unix
    faults: list[str]
    status: int = 0  # 0: no answer, or none yet


@dataclass(slots=True)
class Delivery:
    """One event for one endpoint, and how that went; duplicates share it."""

    webhook_id: str
    event_type: str
    endpoint_id: str
    history: list[Attempt] = field(default_factory=list)

    @property
    def attempts(self) -> int:
        """Return how often it was sent."""
        return len(self.history)

    @property
    def last_status(self) -> int:
        """Return what the last attempt was answered with; 0: nothing."""
        return self.history[-1].status if self.history else 0

    @property
    def acknowledged(self) -> bool:
        """Return whether any attempt was answered with 2xx."""
        return any(is_ok(attempt.status) for attempt in self.history)

    def as_dict(self) -> dict[str, Any]:
        """Return the delivery for JSON."""
        return asdict(self) | {
            "attempts": self.attempts,
            "last_status": self.last_status,
            "acknowledged": self.acknowledged,
        }
