"""An inbox in a real file, and deliveries that are signed as Dinie signs them."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.inbox.ports import Arrival
from gateway.inbox.signature import parse_secret, sign
from gateway.storage.database.database import Database
from gateway.storage.inbox.queries import InboxQueries
from gateway.storage.inbox.store import SqliteInbox
from tests.fakes import FakeClock

NAMES = ("a", "b", "c", "crm", "slow", "dead", "ledger")
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER = "whsec_" + base64.b64encode(b"fedcba9876543210fedcba9876543210").decode()
BODY = b'{"type":"customer.active","data":{"id":"cust_1","status":"active"}}'


def headers(
    webhook_id: str = "evt_1",
    body: bytes = BODY,
    *,
    at: float,
    secret: str = SECRET,
) -> dict[str, str]:
    """Return the three headers of a delivery."""
    timestamp = f"{at:.0f}"
    signature = sign(
        parse_secret(secret), webhook_id.encode(), timestamp.encode(), body
    )
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature.decode(),
    }


def arrival(webhook_id: str = "evt_1", **values: Any) -> Arrival:
    """Return something that was verified."""
    known: dict[str, Any] = {
        "event_type": "customer.active",
        "entity": "cust_1",
        "status": "active",
        "received": 1_790_000_000.0,
        "body": BODY,
        "content_type": "application/json",
        "timestamp": "1790000000",
        "signature": "v1,x",
    }
    return Arrival(webhook_id, **{**known, **values})


class Observed:
    """Counts, and the log."""

    def __init__(self) -> None:
        self.webhooks: list[str] = []
        self.deliveries: list[tuple[str, str]] = []
        self.unwanted: list[str] = []
        self.events: list[tuple[str, dict[str, Any]]] = []

    def webhook(self, result: str) -> None:
        self.webhooks.append(result)

    def unrouted(self, event_type: str) -> None:
        self.unwanted.append(event_type)

    def delivery(self, subscriber: str, result: str) -> None:
        self.deliveries.append((subscriber, result))

    def say(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))


class Inbox:
    """One process's view of a file."""

    def __init__(
        self,
        path: Path,
        clock: FakeClock,
        owner: str = "pod-1",
        names: tuple[str, ...] = NAMES,
        environment: str = "local",
    ) -> None:
        known = {name: f"url-of-{name}" for name in names}
        self.clock = clock
        self.quarantined: list[str] = []
        self.database = Database(
            path, stamp=lambda: "now", on_quarantine=self.quarantined.append
        )
        self.store = SqliteInbox(
            self.database,
            environment=environment,
            endpoint="/webhooks/dinie",
            owner=owner,
            lease=60.0,
            clock=clock,
            targets=known,
        )
        self.queries = InboxQueries(
            self.database, clock=clock, environment=environment, targets=known
        )

    async def states(self) -> dict[str, str]:
        """Return the state of each delivery, by id and subscriber."""
        listed = await self.queries.listed(
            state=None, event_type=None, before=None, most=1000
        )
        return {
            f"{one['webhook_id']} {delivery['subscriber']}": delivery["state"]
            for one in listed
            for delivery in one["deliveries"]
        }


@asynccontextmanager
async def opened(
    path: Path, clock: FakeClock | None = None, owner: str = "pod-1", **more: Any
) -> AsyncIterator[Inbox]:
    """Open an inbox, and close it."""
    inbox = Inbox(path, clock or FakeClock(), owner, **more)
    try:
        yield inbox
    finally:
        await inbox.database.close()
