"""What the stage needs of a store of records and of a ledger."""

from dataclasses import dataclass
from typing import Protocol

from gateway.core.clock import Instant


@dataclass(slots=True, eq=False)
class Record:
    """One key and what it was used for. No body is kept."""

    fingerprint: bytes  # empty in some records of earlier versions
    created_at: Instant
    outcome: str = "in_flight"  # or "answered", "unknown"
    upstream_key: str = ""  # as Dinie saw it; empty: as it would be now
    kept_until: float = 0.0  # monotonic; the clock that told its age may be ahead


class Records(Protocol):
    """Keeps a record for as long as Dinie remembers its key, and some days more."""

    capacity: int  # records
    whole: bool  # whether it holds all that the ledger knows

    def get(self, key: str, *, now: Instant) -> Record | None:
        """Return a key's record while it lives."""

    def put(self, key: str, record: Record, *, now: Instant) -> None:
        """Keep a record."""

    def forget(self, key: str) -> None:
        """Drop a record: the request it stood for was never sent."""


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
        """Have an intent on disk before anything is sent, if the disk takes it."""

    def end(self, intent: Intent, outcome: str, *, status: int) -> None:
        """Note what became of it, soon.

        Whole: the disk may not have taken its beginning.
        """

    def forget(self, key: str) -> None:
        """Drop an intent: nothing was sent under it, or nobody will ask for it."""

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
        """Know nothing."""
