"""Backfill: an event that no webhook brought is found, made once, and marked."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.inbox.backfill import BackfillResult, backfill, missing
from gateway.inbox.options import InboxOptions, SubscriberOptions
from tests.fakes import FakeClock
from tests.inbox.scene import Inbox, arrival, opened

NOW = 1_790_000_000.0
SINCE = NOW - 3600
OPTIONS = InboxOptions(
    subscribers=(SubscriberOptions(name="a", url="http://x", events=("*",)),)
)


def customer(status: str = "active", updated: Any = NOW - 60) -> dict[str, Any]:
    return {"id": "cust_1", "status": status, "updated_at": updated}


@pytest.mark.parametrize(
    ("kind", "resource", "seen", "event_type"),
    [
        ("customer", customer(), "under_review", "customer.active"),
        ("customer", customer(), None, "customer.active"),
        ("customer", customer(), "active", None),
        ("customer", customer(updated=SINCE - 1), "under_review", None),
        ("customer", customer(updated="2026-09-21T14:00:00Z"), None, "customer.active"),
        ("customer", {"id": "cust_1", "status": "active"}, None, "customer.active"),
        ("customer", customer("pending_kyc"), None, "customer.created"),
        ("customer", customer("pending_kyc"), "under_review", "customer.kyc_updated"),
        ("customer", customer("creating"), None, None),
        ("customer", customer("unheard_of"), None, None),
        ("customer", {"status": "active"}, None, None),
        ("customer", {"id": 5, "status": "active"}, None, None),
        (
            "credit_offer",
            {"id": "co_1", "status": "expired"},
            "available",
            "credit_offer.expired",
        ),
        ("credit_offer", {"id": "co_1", "status": "accepted"}, "available", None),
        ("loan", {"id": "ln_1", "status": "error"}, "processing", "loan.error"),
    ],
)
def test_the_event_that_is_missing(
    kind: str, resource: Mapping[str, Any], seen: str | None, event_type: str | None
) -> None:
    """The last status that was told of is compared with the one that is."""
    found = missing(kind, resource, seen, since=SINCE, now=NOW)

    assert (found.event_type if found else None) == event_type


def test_a_made_event_says_that_it_is_made_and_has_the_same_id_each_time() -> None:
    """Two backfills make it once; its content is what Dinie said."""
    first = missing("customer", customer(), None, since=SINCE, now=NOW)
    second = missing("customer", customer(), None, since=0.0, now=NOW + 99)
    later = missing("customer", customer(updated=NOW), None, since=SINCE, now=NOW)

    assert first is not None
    assert second is not None
    assert later is not None
    assert first.synthetic
    assert first.webhook_id == second.webhook_id != later.webhook_id
    assert orjson.loads(first.body) == {
        "type": "customer.active",
        "timestamp": "2026-09-21T14:12:20Z",
        "data": customer(),
    }


class Lists:
    """Dinie's lists."""

    def __init__(self) -> None:
        self.loans: list[str] = []

    async def resources(
        self, loans: list[str]
    ) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        self.loans = loans
        yield "customer", customer()
        yield "credit_offer", {"id": "co_1", "status": "available"}
        yield "loan", {"id": "ln_1", "status": "active", "updated_at": NOW}


async def run(inbox: Inbox, lists: Lists) -> BackfillResult:
    return await backfill(
        lists,
        inbox.store,
        inbox.queries,
        OPTIONS,
        since=SINCE,
        now=inbox.clock.unix,
        on_progress=lambda _: None,
    )


async def test_what_is_missing_is_brought_to_subscribers_once(tmp_path: Path) -> None:
    """What was told of is not told again, and loans are asked for by their ids."""
    async with opened(tmp_path / "gateway.db") as inbox:
        await inbox.store.add(arrival("evt_1", entity="co_1", status="available"), [])
        await inbox.store.add(arrival("evt_2", entity="ln_1", status="signed"), [])
        lists = Lists()

        first, second = await run(inbox, lists), await run(inbox, lists)

        brought = await inbox.store.claim("a", most=9, ordered=False)

    assert (first, second) == (BackfillResult(3, 2, 2), BackfillResult(3, 0, 0))
    assert lists.loans == ["ln_1"]
    assert [one.arrival.event_type for one in brought] == [
        "customer.active",
        "loan.active",
    ]
    assert all(one.arrival.synthetic for one in brought)


class Racing(Lists):
    """Lists during which Dinie's own webhooks arrive."""

    def __init__(self, inbox: Inbox, *statuses: str) -> None:
        super().__init__()
        self._inbox = inbox
        self._statuses = statuses

    async def resources(
        self, loans: list[str]
    ) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        self.loans = loans
        for number, status in enumerate(self._statuses):
            told = arrival(f"msg_{number}", status=status, happened=NOW + number)
            await self._inbox.store.add(told, ["a"])
        yield "customer", customer()


@pytest.mark.parametrize(
    "statuses",
    [
        pytest.param(["active"], id="the-same"),
        pytest.param(["active", "denied"], id="and-one-after-it"),
    ],
)
async def test_what_dinie_tells_while_lists_are_read_is_not_made(
    tmp_path: Path, statuses: list[str]
) -> None:
    """A subscriber that gets one transition under two ids acts on it twice."""
    async with opened(tmp_path / "gateway.db") as inbox:
        before = arrival("msg_before", status="active", happened=NOW - 200)
        await inbox.store.add(before, [])
        await inbox.store.add(
            arrival("msg_then", status="under_review", happened=NOW - 99), []
        )

        found = await run(inbox, Racing(inbox, *statuses))

        brought = await inbox.store.claim("a", most=9, ordered=False)

    assert found == BackfillResult(1, 1, 0)
    assert [one.arrival.webhook_id for one in brought] == [
        f"msg_{number}" for number in range(len(statuses))
    ]


async def test_what_was_told_before_and_is_so_again_is_made(tmp_path: Path) -> None:
    """A loan may be active twice: only what came meanwhile tells of the second time."""
    async with opened(tmp_path / "gateway.db") as inbox:
        before = arrival("msg_before", status="active", happened=NOW - 200)
        await inbox.store.add(before, [])
        await inbox.store.add(
            arrival("msg_then", status="under_review", happened=NOW), []
        )

        found = await run(inbox, Racing(inbox, "pending_kyc"))

    assert found == BackfillResult(1, 1, 1)


async def test_what_was_delivered_long_ago_is_not_made_again(tmp_path: Path) -> None:
    """The record was touched, its status was not."""
    clock = FakeClock()
    async with opened(tmp_path / "x.db", clock) as inbox:
        await inbox.store.add(arrival("e1", received=clock.unix()), [])
        clock.advance(700_000)
        await inbox.queries.tidy(keep=604_800, now=inbox.clock.unix())
        last = await inbox.queries.last_statuses()

    _, seen = last["cust_1"]
    found = missing(
        "customer", customer(updated=clock.unix()), seen, since=0.0, now=clock.unix()
    )
    assert found is None


@pytest.mark.parametrize("name", ["\ud800", "a" * 9, 2**70])
def test_whatever_dinie_says_can_be_made_an_event(name: Any) -> None:
    """One odd record must not end the rest."""
    resource = customer() | {"name": name}

    found = missing("customer", resource, None, since=SINCE, now=NOW)

    assert found is not None
    assert b"customer.active" in found.body
