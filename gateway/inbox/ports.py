"""What does the inbox need: somewhere that outlives the process, and a way out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from gateway.inbox.options import SubscriberOptions
from gateway.inbox.policy import Outcome, Try

Stored = Literal["accepted", "duplicate", "conflict"]


class StoreUnavailable(Exception):  # noqa: N818 - named for what happened
    """Nothing can be stored now; the text is safe and says what to do."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery of Dinie's that was verified, or one that was made here."""

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
    """One arrival on its way to one subscriber."""

    seq: int  # of the arrival in the store
    tries: int  # that were made before
    arrival: Arrival
    until: float  # Unix, s; end of its lease


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of an arrival."""

    stored: Stored
    handed: Mapping[str, Delivery] = field(default_factory=dict)  # leased, by name


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one try, to be written down."""

    seq: int
    subscriber: str
    outcome: Outcome
    tries: int
    wait: float  # s until the next try
    status: int | None
    error: str
    soon: bool = True  # else it may wait a moment, and share another one's commit


class ArrivalStore(Protocol):
    """Keeps what arrives; raises `StoreUnavailable` where it cannot."""

    async def add(self, arrival: Arrival, subscribers: Sequence[str]) -> Stored:
        """Keep an arrival, and note who is to get it, if its id is new."""


class InboxStore(Protocol):
    """Keeps arrivals and what each subscriber has of them.

    All raise `StoreUnavailable` where the store does not answer; what was returned is
    on disk.
    """

    async def add(
        self,
        arrival: Arrival,
        subscribers: Sequence[str],
        *,
        untold_at: int | None = None,
    ) -> Stored:
        """Keep an arrival, and note who is to get it, if its id is new.

        Args:
            arrival: What came, or was made.
            subscribers: Who is to get it.
            untold_at: The seq at which no event told of it: if one does by now, this
                is a duplicate.
        """

    async def keep(
        self, arrival: Arrival, subscribers: Sequence[str], *, leased: Sequence[str]
    ) -> Kept:
        """Keep an arrival as `add`, some of its deliveries leased from the start.

        Args:
            arrival: What came.
            subscribers: Who is to get it.
            leased: Those of them that it is handed to at once. One that said 410 is
                not among those it returns.
        """

    async def claim(
        self, subscriber: str, *, most: int, ordered: bool, fresh: bool
    ) -> list[Delivery]:
        """Lease deliveries that are due, the longest due first.

        None for a subscriber that said 410 and was not enabled since.

        Args:
            subscriber: Whose.
            most: How many.
            ordered: One at a time for each entity.
            fresh: Any of them, those that were never tried first.
        """

    async def next_due(self, subscriber: str) -> float | None:
        """Return when the next one is due that is not yet, Unix, s; None: none is."""

    @property
    def changes_of_others(self) -> int:
        """Return how often another process was seen to have changed something."""

    async def settle(self, settlement: Settlement) -> None:
        """Note what became of a try."""


class Carrier(Protocol):
    """Takes deliveries to subscribers."""

    async def send(
        self,
        subscriber: SubscriberOptions,
        headers: Sequence[tuple[str, str]],
        body: bytes,
    ) -> Try:
        """POST a body once; a failure is a `Try`, never raised."""


class Observer(Protocol):
    """Hears what happens, for metrics."""

    def webhook(self, result: str) -> None:
        """Count one that arrived."""

    def unrouted(self, event_type: str) -> None:
        """Count one that no subscriber wants; its type is from a closed set."""

    def delivery(self, subscriber: str, result: str) -> None:
        """Count one try that was made."""
