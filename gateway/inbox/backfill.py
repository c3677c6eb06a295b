"""Makes the events that no webhook brought, by comparing Dinie's lists with the inbox.

Dinie has no replay. What `GET` says of a customer, an offer or a loan is compared with
the last event that was seen of it; where the status differs, the missing event is made
and marked as synthetic.

Source: docs/adr/0010-inbox.md.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Protocol

from gateway.core.timestamps import iso_of, unix_of
from gateway.inbox.options import InboxOptions
from gateway.inbox.policy import wanting
from gateway.inbox.ports import Arrival, InboxStore

Resource = Mapping[str, Any]
# The event that brings a customer, an offer or a loan into a status.
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
class BackfillResult:
    """What a backfill found and made."""

    examined: int  # customers, offers and loans
    missing: int  # transitions without an event
    made: int  # of those, how many were not made before


class ResourceLists(Protocol):
    """Reads Dinie's lists; implemented by `GatewayLists`."""

    def resources(self, loans: list[str]) -> AsyncIterator[tuple[str, Resource]]:
        """Yield kind and resource: customers, offers, and the loans of these ids."""


class EntityStatuses(Protocol):
    """The known statuses of entities; implemented by `InboxQueries`."""

    async def newest(self) -> int:
        """Return the seq of the newest event; 0: there is none."""

    async def last_statuses(self) -> Mapping[str, tuple[str, str]]:
        """Return kind and status of each entity's last event, by the entity's id."""


def missing(
    kind: str, resource: Resource, seen: str | None, *, since: float, now: float
) -> Arrival | None:
    """Return the missing event; None: none is missing.

    Args:
        kind: `customer`, `credit_offer` or `loan`.
        resource: As Dinie gives it.
        seen: The status of its last event; None: there was none.
        since: Unix, s; earlier changes are ignored.
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
    # A transition has the same id each time, so that it is made once.
    name = f"{identifier}/{status}/{at:.0f}" if changed else f"{identifier}/{status}"
    return Arrival(
        webhook_id=f"gws_{sha256(name.encode()).hexdigest()[:32]}",
        event_type=event_type,
        entity=identifier,
        status=status,
        received=now,
        # orjson does not write every value that JSON has; the standard library does.
        body=json.dumps(
            {"type": event_type, "timestamp": iso_of(at), "data": resource},
            separators=(",", ":"),
        ).encode(),
        happened=at,
        content_type="application/json",
        synthetic=True,
    )


async def backfill(
    lists: ResourceLists,
    store: InboxStore,
    statuses: EntityStatuses,
    options: InboxOptions,
    *,
    since: float,
    now: Callable[[], float],
    on_progress: Callable[[int], Any],
) -> BackfillResult:
    """Compare, and store the missing events for delivery.

    Lists take minutes to read, and Dinie's own webhooks go on meanwhile: an event that
    one of them brought since the start is not made.

    Args:
        lists: Dinie's.
        store: Takes the events.
        statuses: What the inbox knows.
        options: The subscribers.
        since: Unix, s; earlier changes are ignored.
        now: Returns Unix, s.
        on_progress: Takes how many resources were examined so far.

    Raises:
        StoreUnavailable: the store does not respond; what was done stays done.
    """
    newest = await statuses.newest()
    last = await statuses.last_statuses()
    loans = [one for one, (kind, _) in last.items() if kind == "loan"]
    examined = gaps = made = 0
    async for kind, resource in lists.resources(loans):
        examined += 1
        on_progress(examined)
        _, seen = last.get(str(resource.get("id")), ("", None))
        arrival = missing(kind, resource, seen, since=since, now=now())
        if arrival is None:
            continue
        gaps += 1
        names = wanting(options.subscribers)(arrival.event_type)
        stored = await store.add(arrival, names, unless_after=newest)
        made += stored.result == "accepted"
    return BackfillResult(examined, gaps, made)
