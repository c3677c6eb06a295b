"""Receives webhooks: verifies, stores, and only then acknowledges them.

Source: docs/adr/0010-inbox.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.clock import Clock
from gateway.core.secret import Secret
from gateway.inbox.event_types import label
from gateway.inbox.options import InboxOptions
from gateway.inbox.policy import read, wanting
from gateway.inbox.ports import Arrival, ArrivalStore, Observer, StoreUnavailable
from gateway.inbox.signature import (
    MOST_KEYS,
    Signed,
    check_headers,
    parse_secret,
    verify,
)

UNAUTHORIZED: Final = 401
UNAVAILABLE: Final = 503
OK: Final = 200
_QUIET: Final = 1.0  # s between two log lines about refusals of one kind
_QUIET_UNROUTED: Final = 60.0  # s between two log lines about one unrouted type
NO_SECRET: Final = "no webhook_secret is known, so nothing can be verified"  # noqa: S105


@dataclass(frozen=True, slots=True)
class ContentHeaders:
    """The headers that describe a body."""

    content_type: str
    content_encoding: str


class WebhookKeys:
    """The keys that verify webhooks; a malformed secret is refused."""

    def __init__(
        self,
        fields: Callable[[], Mapping[str, Secret] | None],
        *,
        on_refused: Callable[[str], Any],
    ) -> None:
        """Begin without keys; the first call reads them.

        Args:
            fields: Returns the secrets in force; None while there are none.
            on_refused: Takes the reason why a secret cannot be used.
        """
        self._fields = fields
        self._on_refused = on_refused
        self._read_from: Secret | None = None
        self._keys: list[bytes] = []

    def __call__(self) -> list[bytes]:
        """Return the keys in force; the last usable ones where newer ones are not.

        So removing a secret does not revoke it: to revoke one, replace it.
        """
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
    """Receives the webhooks of one endpoint."""

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
        """Prepare to receive.

        Args:
            store: Stores what arrives.
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
        # By event and kind: quiet until (s), and lines left out since.
        self._quiet: dict[tuple[str, str], tuple[float, int]] = {}

    def check_head(self, signed: Signed) -> int:
        """Return 200 where the body is to be read, or else the response's status."""
        if not self._keys():
            return self._refuse("unavailable", UNAVAILABLE, NO_SECRET)
        now, tolerance = self._clock.unix(), self._options.tolerance
        verdict = check_headers(signed, now=now, tolerance=tolerance)
        return OK if verdict == "good" else self._refuse(verdict, UNAUTHORIZED, verdict)

    async def receive(self, signed: Signed, content: ContentHeaders) -> int:
        """Verify and store a webhook.

        Returns:
            200 once it is on disk; 401 where it is not verified; 503 where it cannot be
            stored, or no key is known.
        """
        keys = self._keys()
        if not keys:
            return self._refuse("unavailable", UNAVAILABLE, NO_SECRET)
        now = self._clock.unix()
        verdict = verify(signed, keys, now=now, tolerance=self._options.tolerance)
        if verdict != "good":
            return self._refuse(verdict, UNAUTHORIZED, verdict)
        arrival = self._arrival(signed, content, now)
        names = self._wanting(arrival.event_type)
        try:
            stored = await self._store.add(arrival, names)
        except StoreUnavailable as error:
            return self._refuse("unavailable", UNAVAILABLE, str(error))
        self._observer.webhook(stored.result)
        self._on_event(
            f"webhook_{stored.result}",
            webhook_id=arrival.webhook_id,
            event_type=arrival.event_type,
            bytes=len(arrival.body),
        )
        if stored.result == "accepted" and not names:
            self._unrouted(arrival)
        return OK

    def _unrouted(self, arrival: Arrival) -> None:
        """Count and log an event that has no subscriber."""
        known = label(arrival.event_type)
        self._observer.unrouted(known)
        self._log_rarely(
            "webhook_unrouted",
            known,
            every=_QUIET_UNROUTED,
            webhook_id=arrival.webhook_id,
            event_type=arrival.event_type,
        )

    def refuse(self, result: str, reason: str) -> None:
        """Count and log a request that was refused before it could be verified."""
        self._refuse(result, 0, reason)

    def _refuse(self, result: str, status: int, reason: str) -> int:
        self._observer.webhook(result)
        # Forged requests must neither fill the log nor hide a full disk in it.
        self._log_rarely(
            "webhook_refused", result, every=_QUIET, result=result, reason=reason
        )
        return status

    def _log_rarely(
        self, event: str, kind: str, *, every: float, **fields: str
    ) -> None:
        """Log the first of a kind, and later how many were left out since.

        Args:
            event: Its name.
            kind: Groups what counts together; from a closed set.
            every: s between two lines.
            fields: Safe fields.
        """
        now = self._clock.now()
        until, unsaid = self._quiet.get((event, kind), (now, 0))
        if now >= until:
            self._quiet[event, kind] = now + every, 0
            self._on_event(event, **fields, unsaid=unsaid)
        else:
            self._quiet[event, kind] = until, unsaid + 1

    def _arrival(self, signed: Signed, content: ContentHeaders, now: float) -> Arrival:
        facts = read(signed.body)
        return Arrival(
            webhook_id=signed.ids[0].decode("ascii"),
            event_type=facts.event_type,
            entity=facts.entity,
            status=facts.status,
            happened=facts.happened,
            received=now,
            body=signed.body,
            content_type=content.content_type,
            content_encoding=content.content_encoding,
            timestamp=signed.timestamps[0].decode("ascii"),
            signature=signed.signatures[0].decode("ascii"),
        )
