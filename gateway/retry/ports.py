"""What the attempt loop needs from telemetry."""

from typing import Protocol


class Observer(Protocol):
    """Counts retries."""

    def retry(self, reason: str) -> None:
        """Note one scheduled retry."""

    def identical_5xx(self) -> None:
        """Note the same 5xx again under one key."""
