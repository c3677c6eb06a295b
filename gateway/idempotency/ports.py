"""The port of the ledger, and the records and intents that pass through it."""

from dataclasses import dataclass
from typing import Protocol

from gateway.core.clock import Instant


@dataclass(slots=True, eq=False)
class Record:
    """One key, and the request that it was used for. No body is kept."""

    fingerprint: bytes  # empty in some records of earlier versions
    created_at: Instant
    outcome: str = "in_flight"  # or "answered", "unknown"
    upstream_key: str = ""  # as Dinie saw it; empty: as it would be sent now
    kept_until: float = 0.0  # s, monotonic; the wall clock may be ahead


@dataclass(frozen=True, slots=True)
class Intent:
    """A POST that is about to be sent. No body is kept."""

    key: str  # as the caller sees it
    fingerprint: bytes
    route: str  # a template
    request_id: str
    generated: bool  # whether the gateway made the key
    upstream_key: str = ""  # as Dinie sees it

    def __repr__(self) -> str:
        return f"Intent(route={self.route!r})"


class Ledger(Protocol):
    """Keeps intents and outcomes where they outlive the process."""

    async def begin(self, intent: Intent) -> None:
        """Write an intent to disk before anything is sent; only count a failure."""

    def end(self, intent: Intent, outcome: str, *, status: int) -> None:
        """Write the outcome, soon, with the whole intent: its write may have failed.

        Args:
            intent: As begun.
            outcome: As `Record.outcome`.
            status: Of the response; 0 without one.
        """

    def forget(self, key: str) -> None:
        """Drop an intent: nothing was sent, or its key will not be asked for."""

    async def recall(self, key: str) -> Record | None:
        """Return what is known of a key that memory does not hold."""


class NoLedger:
    """Keeps nothing: records end with the process."""

    async def begin(self, intent: Intent) -> None:
        """Keep nothing."""

    def end(self, intent: Intent, outcome: str, *, status: int) -> None:
        """Keep nothing."""

    def forget(self, key: str) -> None:
        """Keep nothing."""

    async def recall(self, key: str) -> Record | None:
        """Return None."""
