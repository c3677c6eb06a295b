"""What happened at Dinie that no webhook told of? Found by comparing lists.

Dinie has no replay. What `GET` says of a customer, an offer or a loan is compared with
the last event that was seen of it; where the status differs, the event that is missing
is made, and marked as made here.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Protocol

from gateway.core.timestamps import iso_of, unix_of
from gateway.inbox.options import InboxOptions
from gateway.inbox.ports import Arrival, InboxStore
from gateway.inbox.subscribers import wanting

Resource = Mapping[str, Any]
# Which event brings a customer, an offer or a loan into a status.
_EVENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "customer": {
        "pending_kyc": "customer.kyc_updated",
        "under_review": "customer.under_review",
        "active": "customer.active",
        "denied": "customer.denied",
    },
    "credit_offer": {
        "available": "credit_offer.available",
        "expired": "credit_offer.expired",
    },
    "loan": {
        status: f"loan.{status}"
        for status in (
            "contract_generated",
            "awaiting_signatures",
            "signed",
            "disbursing",
            "processing",
            "active",
            "finished",
            "cancelled",
            "error",
        )
    },
}
_FIRST: Final = {("customer", "pending_kyc"): "customer.created"}


@dataclass(frozen=True, slots=True)
class Found:
    """What a backfill did."""

    looked_at: int
    missing: int  # transitions that no event told of
    made: int  # of those, how many were not made before


class Dinie(Protocol):
    """Dinie's lists, read slowly."""

    def resources(self, loans: list[str]) -> AsyncIterator[tuple[str, Resource]]:
        """Yield kind and resource: customers, offers, and the loans of these ids."""


class Known(Protocol):
    """What the inbox knows of entities."""

    async def newest(self) -> int:
        """Return the seq of the newest event; 0: there is none."""

    async def last_statuses(self) -> Mapping[str, tuple[str, str]]:
        """Return kind and status of each entity's last event, by its id."""


def missing(
    kind: str, resource: Resource, seen: str | None, *, since: float, now: float
) -> Arrival | None:
    """Return the event that is missing; None: nothing is.

    Args:
        kind: `customer`, `credit_offer` or `loan`.
        resource: As Dinie gives it.
        seen: The status of its last event; None: there was none.
        since: Unix, s; what changed before is left alone.
        now: Unix, s.
    """
    identifier, status = resource.get("id"), resource.get("status")
    if not isinstance(identifier, str) or not isinstance(status, str):
        return None
    changed = unix_of(resource.get("updated_at") or resource.get("created_at"))
    if status == seen or (changed is not None and changed < since):
        return None
    event_type = _EVENTS[kind].get(status)
    if seen is None:
        event_type = _FIRST.get((kind, status), event_type)
    if event_type is None:
        return None
    at = now if changed is None else changed
    # The same transition has the same id each time: it is made once.
    name = f"{identifier}/{status}/{at:.0f}" if changed else f"{identifier}/{status}"
    return Arrival(
        webhook_id=f"gws_{sha256(name.encode()).hexdigest()[:32]}",
        event_type=event_type,
        entity=identifier,
        status=status,
        received=now,
        # The standard library takes whatever a JSON text can say; orjson does not.
        body=json.dumps(
            {"type": event_type, "timestamp": iso_of(at), "data": resource},
            separators=(",", ":"),
        ).encode(),
        happened=at,
        content_type="application/json",
        synthetic=True,
    )


async def backfill(
    dinie: Dinie,
    store: InboxStore,
    known: Known,
    options: InboxOptions,
    *,
    since: float,
    now: Callable[[], float],
    on_progress: Callable[[int], Any],
) -> Found:
    """Compare, and have what is missing delivered.

    Lists take minutes to read, and Dinie's own webhooks go on meanwhile: what one of
    them told since is not made.

    Raises:
        StoreUnavailable: the store does not answer; what was done stays done.
    """
    newest = await known.newest()
    last = await known.last_statuses()
    loans = [one for one, (kind, _) in last.items() if kind == "loan"]
    looked_at = gaps = made = 0
    async for kind, resource in dinie.resources(loans):
        looked_at += 1
        on_progress(looked_at)
        _, seen = last.get(str(resource.get("id")), ("", None))
        arrival = missing(kind, resource, seen, since=since, now=now())
        if arrival is None:
            continue
        gaps += 1
        names = wanting(options.subscribers)(arrival.event_type)
        stored = await store.add(arrival, names, untold_at=newest)
        made += stored == "accepted"
    return Found(looked_at, gaps, made)
