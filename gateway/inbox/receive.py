"""Takes a delivery of Dinie's: verified, then safe on disk, and only then answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.clock import Clock
from gateway.core.secret import Secret
from gateway.inbox.event_types import label
from gateway.inbox.options import InboxOptions
from gateway.inbox.policy import read
from gateway.inbox.ports import Arrival, ArrivalStore, Observer, StoreUnavailable
from gateway.inbox.signature import MOST_KEYS, Signed, examine, parse_secret, verify
from gateway.inbox.subscribers import wanting

UNAUTHORIZED: Final = 401
UNAVAILABLE: Final = 503
OK: Final = 200
_QUIET: Final = 1.0  # s between two lines about refusals of one kind
_QUIET_UNROUTED: Final = 60.0  # s between two lines about a type that nobody wants
NO_SECRET: Final = "no webhook_secret is known, so nothing can be verified"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Described:
    """What a body is called by the headers beside it."""

    content_type: str
    content_encoding: str


class Keys:
    """The keys that verify; what is malformed is refused and never guessed at."""

    def __init__(
        self,
        fields: Callable[[], Mapping[str, Secret] | None],
        *,
        on_refused: Callable[[str], Any],
    ) -> None:
        """Wire it.

        Args:
            fields: Returns the secrets in force; None while there are none.
            on_refused: Takes why a secret is no good.
        """
        self._fields = fields
        self._on_refused = on_refused
        self._read_from: Secret | None = None
        self._keys: list[bytes] = []

    def __call__(self) -> list[bytes]:
        """Return the keys in force; the last good ones while newer ones are not."""
        fields = self._fields() or {}
        held = fields.get("webhook_secret")
        if held != self._read_from:
            self._read_from = held
            self._read(held)
        return self._keys

    def _read(self, held: Secret | None) -> None:
        found = []
        for text in (held.reveal() if held else "").split():
            try:
                found.append(parse_secret(text))
            except ValueError as error:
                self._on_refused(str(error))
        if len(found) > MOST_KEYS:
            self._on_refused(f"webhook_secret holds more than {MOST_KEYS}")
        if found:
            self._keys = found[:MOST_KEYS]


class Receiver:
    """One endpoint that Dinie sends to."""

    def __init__(
        self,
        store: ArrivalStore,
        keys: Callable[[], list[bytes]],
        options: InboxOptions,
        *,
        clock: Clock,
        observer: Observer,
        on_event: Callable[..., Any],
    ) -> None:
        """Wire it.

        Args:
            store: Where deliveries are kept.
            keys: Returns the keys in force.
            options: Tolerance and subscribers.
            clock: Real or fake.
            observer: Counts what arrives.
            on_event: Takes an event's name and safe fields, for the log.
        """
        self._store = store
        self._keys = keys
        self._options = options
        self._clock = clock
        self._observer = observer
        self._on_event = on_event
        self._wanting = wanting(options.subscribers)
        # Until when, and how many were not said since: by event and kind.
        self._quiet: dict[tuple[str, str], tuple[float, int]] = {}

    def glance(self, signed: Signed) -> int:
        """Return the status that a head alone earns: 200 where its body is wanted."""
        if not self._keys():
            return self._refuse("unavailable", UNAVAILABLE, NO_SECRET)
        now, tolerance = self._clock.unix(), self._options.tolerance
        verdict = examine(signed, now=now, tolerance=tolerance)
        return OK if verdict == "good" else self._refuse(verdict, UNAUTHORIZED, verdict)

    async def receive(self, signed: Signed, described: Described) -> int:
        """Return the status to answer with: 200 once it is on disk, 401 or 503."""
        keys = self._keys()
        if not keys:
            return self._refuse("unavailable", UNAVAILABLE, NO_SECRET)
        now = self._clock.unix()
        verdict = verify(signed, keys, now=now, tolerance=self._options.tolerance)
        if verdict != "good":
            return self._refuse(verdict, UNAUTHORIZED, verdict)
        arrival = self._arrival(signed, described, now)
        names = self._wanting(arrival.event_type)
        try:
            stored = await self._store.add(arrival, names)
        except StoreUnavailable as error:
            return self._refuse("unavailable", UNAVAILABLE, str(error))
        self._observer.webhook(stored)
        self._on_event(
            f"webhook_{stored}",
            webhook_id=arrival.webhook_id,
            event_type=arrival.event_type,
            bytes=len(arrival.body),
        )
        if stored == "accepted" and not names:
            self._unrouted(arrival)
        return OK

    def _unrouted(self, arrival: Arrival) -> None:
        """Count and log an event that is kept for nobody."""
        known = label(arrival.event_type)
        self._observer.unrouted(known)
        self._say_rarely(
            "webhook_unrouted",
            known,
            every=_QUIET_UNROUTED,
            webhook_id=arrival.webhook_id,
            event_type=arrival.event_type,
        )

    def refuse(self, result: str, reason: str) -> None:
        """Count and log what was refused before it could be verified."""
        self._refuse(result, 0, reason)

    def _refuse(self, result: str, status: int, reason: str) -> int:
        self._observer.webhook(result)
        # Strangers must neither fill the log nor hide a full disk in it.
        self._say_rarely(
            "webhook_refused", result, every=_QUIET, result=result, reason=reason
        )
        return status

    def _say_rarely(self, event: str, kind: str, *, every: float, **told: str) -> None:
        """Log the first of a kind, and then how many were not logged since.

        Args:
            event: Its name.
            kind: Which ones count together; from a closed set.
            every: s between two lines.
            told: Safe fields.
        """
        now = self._clock.now()
        until, unsaid = self._quiet.get((event, kind), (now, 0))
        if now >= until:
            self._quiet[event, kind] = now + every, 0
            self._on_event(event, **told, unsaid=unsaid)
        else:
            self._quiet[event, kind] = until, unsaid + 1

    def _arrival(self, signed: Signed, described: Described, now: float) -> Arrival:
        facts = read(signed.body)
        return Arrival(
            webhook_id=signed.ids[0].decode("ascii"),
            event_type=facts.event_type,
            entity=facts.entity,
            status=facts.status,
            happened=facts.happened,
            received=now,
            body=signed.body,
            content_type=described.content_type,
            content_encoding=described.content_encoding,
            timestamp=signed.timestamps[0].decode("ascii"),
            signature=signed.signatures[0].decode("ascii"),
        )
