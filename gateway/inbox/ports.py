"""The values of the inbox, and the interfaces that its adapters implement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from gateway.inbox.options import SubscriberOptions
from gateway.inbox.policy import AttemptResult, Outcome

StoreResult = Literal["accepted", "duplicate", "conflict"]


class StoreUnavailable(Exception):  # noqa: N818 - named for what happened
    """Nothing can be stored now; the text is safe and says what to do."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event that came in: a verified webhook of Dinie's, or one made by backfill."""

    webhook_id: str
    event_type: str
    entity: str
    status: str
    received: float  # Unix, s
    body: bytes
    content_type: str = ""
    content_encoding: str = ""
    timestamp: str = ""  # Dinie's, with its signature
    signature: str = ""
    synthetic: bool = False
    happened: float | None = None  # Unix, s; when, as the event itself says

    def __repr__(self) -> str:
        return f"Arrival({self.webhook_id!r}, {self.event_type!r})"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One arrival on its way to one subscriber, leased for an attempt."""

    seq: int  # of the arrival in the store
    attempts: int  # that were made before
    arrival: Arrival
    until: float  # Unix, s; end of its lease


@dataclass(frozen=True, slots=True)
class StoredArrival:
    """The result of storing an arrival."""

    result: StoreResult
    leased: Mapping[str, Delivery] = field(default_factory=dict)  # by subscriber


@dataclass(frozen=True, slots=True)
class Settlement:
    """The outcome of one attempt, as it is stored."""

    seq: int
    subscriber: str
    outcome: Outcome
    attempts: int
    wait: float  # s until the next attempt
    status: int | None
    error: str


class ArrivalStore(Protocol):
    """Stores what arrives; implemented by `Dispatcher`, and by each `InboxStore`."""

    async def add(self, arrival: Arrival, subscribers: Sequence[str]) -> StoredArrival:
        """Store an arrival and its deliveries, if its id is new.

        Raises:
            StoreUnavailable: it is not on disk.
        """


class InboxStore(Protocol):
    """Stores arrivals and their deliveries; what was returned is on disk.

    All methods raise `StoreUnavailable` where the store does not respond.
    """

    async def add(
        self,
        arrival: Arrival,
        subscribers: Sequence[str],
        *,
        leased: Sequence[str] = (),
        unless_after: int | None = None,
    ) -> StoredArrival:
        """Store an arrival and its deliveries, if its id is new.

        Args:
            arrival: What came in, or was made.
            subscribers: The names of those that get it.
            leased: Those of them whose deliveries are leased from the start. One that
                responded with 410 is not among those returned.
            unless_after: The seq of an event; where a later one, or the last known
                status of the entity, says the same, this is a duplicate.
        """

    async def claim(
        self, subscriber: str, *, most: int, ordered: bool, fresh: bool
    ) -> list[Delivery]:
        """Lease deliveries that are due, the longest due first.

        Returns none for a subscriber that responded with 410 and was not enabled since.

        Args:
            subscriber: Its name.
            most: How many.
            ordered: One at a time for each entity.
            fresh: In random order, those without an attempt first.
        """

    async def next_due(self, subscriber: str) -> float | None:
        """Return the earliest due time after now, Unix, s; None: there is none."""

    @property
    def changes_of_others(self) -> int:
        """Return how often another process was seen to have written the store."""

    async def settle(self, settlement: Settlement) -> None:
        """Store the outcome of an attempt."""

    async def reclaim(self) -> int:
        """Release what this gateway had leased before it ended; return how many."""

    async def limit_due_times(self) -> int:
        """Bring due times into reach after the clock was set back; return how many."""


class SubscriberClient(Protocol):
    """Sends deliveries to subscribers."""

    async def send(
        self,
        subscriber: SubscriberOptions,
        headers: Sequence[tuple[str, str]],
        body: bytes,
    ) -> AttemptResult:
        """POST a body once; a failure is a result, and is never raised.

        Args:
            subscriber: The receiver.
            headers: Sent as they are.
            body: Sent as it is.
        """


class Observer(Protocol):
    """Counts events for the metrics."""

    def webhook(self, result: str) -> None:
        """Count an arrival."""

    def unrouted(self, event_type: str) -> None:
        """Count an arrival without a subscriber; its type is from a closed set."""

    def delivery(self, subscriber: str, result: str) -> None:
        """Count an attempt that was made."""
