"""The receiver: verified, on disk, and only then answered."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.core.secret import Secret
from gateway.inbox.options import InboxOptions, SubscriberOptions
from gateway.inbox.ports import Stored, StoreUnavailable
from gateway.inbox.receive import Described, Keys, Receiver
from gateway.inbox.signature import Signed, parse_secret
from tests.inbox.scene import BODY, OTHER, SECRET, Inbox, Observed, headers, opened

JSON = Described("application/json", "")
OPTIONS = InboxOptions(
    subscribers=(
        SubscriberOptions(name="all", url="http://127.0.0.1:1", events=("*",)),
        SubscriberOptions(name="loans", url="http://127.0.0.1:1", events=("loan.*",)),
    )
)


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    async with opened(tmp_path / "gateway.db") as inbox:
        yield inbox


class Desk:
    """A receiver, and what came of it."""

    def __init__(self, inbox: Inbox, *secrets: str) -> None:
        self.inbox = inbox
        self.observed = Observed()
        self.receiver = Receiver(
            inbox.store,
            lambda: [parse_secret(one) for one in secrets],
            OPTIONS,
            clock=inbox.clock,
            observer=self.observed,
            on_event=self.observed.say,
        )

    async def take(
        self, webhook_id: str = "evt_1", body: bytes = BODY, secret: str = SECRET
    ) -> int:
        at = self.inbox.clock.unix()
        named = headers(webhook_id, body, at=at, secret=secret)
        each = [[value.encode()] for value in named.values()]
        signed = Signed(each[0], each[1], each[2], body)
        return await self.receiver.receive(signed, JSON)


async def test_what_is_good_is_kept_once_and_answered_each_time(inbox: Inbox) -> None:
    """Dinie promises to send at least once, and does."""
    desk = Desk(inbox, SECRET)

    statuses = [await desk.take(), await desk.take(), await desk.take("evt_2")]

    assert statuses == [200, 200, 200]
    assert desk.observed.webhooks == ["accepted", "duplicate", "accepted"]
    assert await inbox.states() == {"evt_1 all": "pending", "evt_2 all": "pending"}


async def test_the_same_id_with_another_body_keeps_the_first(inbox: Inbox) -> None:
    """Nobody shall replace what was delivered; somebody shall hear of it."""
    desk = Desk(inbox, SECRET)
    await desk.take()

    status = await desk.take(body=BODY + b" ")

    kept = await inbox.desk.one("evt_1")
    assert (status, desk.observed.webhooks[-1]) == (200, "conflict")
    assert kept is not None
    assert kept["body"] == BODY


async def test_a_repeat_with_a_delivery_id_of_its_own_is_a_duplicate(
    inbox: Inbox,
) -> None:
    """Dinie names each attempt; the event is the same, and is delivered once."""
    desk = Desk(inbox, SECRET)
    body = b'{"type":"loan.active","delivery_id":"dlv_%d","data":{"id":"ln_1"}}'

    statuses = [await desk.take(body=body % number) for number in (1, 2, 3)]

    kept = await inbox.desk.one("evt_1")
    assert statuses == [200, 200, 200]
    assert desk.observed.webhooks == ["accepted", "duplicate", "duplicate"]
    assert kept is not None
    assert kept["body"] == body % 1


async def test_each_type_goes_to_who_wants_it(inbox: Inbox) -> None:
    """And what is no JSON to who wants everything."""
    desk = Desk(inbox, SECRET)
    await desk.take("evt_1", b'{"type":"loan.active","data":{"id":"ln_1"}}')
    await desk.take("evt_2", b"\x1f\x8b")

    assert sorted(await inbox.states()) == ["evt_1 all", "evt_1 loans", "evt_2 all"]


async def test_what_no_subscriber_wants_is_counted_and_said(inbox: Inbox) -> None:
    """It is kept, and reaches nobody: somebody shall hear of it."""
    desk = Desk(inbox, SECRET)
    desk.receiver._wanting = lambda _: []
    for number, event_type in enumerate(("loan.active", "a.b", "c.d", "loan.active")):
        body = f'{{"type":"{event_type}"}}'.encode()
        await desk.take(f"evt_{number}", body)
    await desk.take("evt_0", b'{"type":"loan.active"}')

    said = [told for event, told in desk.observed.events if event == "webhook_unrouted"]
    assert desk.observed.unwanted == ["loan.active", "other", "other", "loan.active"]
    assert [one["event_type"] for one in said] == ["loan.active", "a.b"]


async def test_an_odd_event_reaches_whoever_wants_its_type(inbox: Inbox) -> None:
    """The fast parser refuses it; the grammar does not."""
    desk = Desk(inbox, SECRET)
    body = rb'{"type":"loan.active","data":{"id":"ln_1","name":"\ud83c"}}'

    await desk.take("evt_1", body)

    assert sorted(await inbox.states()) == ["evt_1 all", "evt_1 loans"]
    assert desk.observed.unwanted == []


async def test_both_secrets_of_a_rotation_are_good(inbox: Inbox) -> None:
    """Dinie signs with the new one while some deliveries carry the old."""
    desk = Desk(inbox, OTHER, SECRET)

    assert await desk.take("evt_1", secret=SECRET) == 200
    assert await desk.take("evt_2", secret=OTHER) == 200


async def test_what_is_forged_is_a_401_and_not_kept(inbox: Inbox) -> None:
    """No detail for whoever forges; the reason is in metric and log."""
    await inbox.desk.probe(1)
    desk = Desk(inbox, SECRET)

    status = await desk.take(secret=OTHER)

    assert (status, desk.observed.webhooks) == (401, ["bad_signature"])
    assert (
        await inbox.desk.listed(state=None, event_type=None, before=None, most=9) == []
    )


async def test_without_a_secret_dinie_is_asked_to_come_again(inbox: Inbox) -> None:
    """A 401 would have Dinie give up on deliveries that are good."""
    desk = Desk(inbox)

    assert await desk.take() == 503
    assert desk.observed.webhooks == ["unavailable"]


async def test_what_cannot_be_kept_is_not_answered_with_200(inbox: Inbox) -> None:
    """Dinie sends it again; nothing is lost."""

    class Broken:
        async def add(self, *_: object) -> Stored:
            raise StoreUnavailable("the disk is full: make room")

    desk = Desk(inbox, SECRET)
    desk.receiver._store = Broken()

    assert await desk.take() == 503
    assert desk.observed.events[-1][1]["reason"] == "the disk is full: make room"


async def test_the_log_names_the_event_and_nothing_of_its_content(
    inbox: Inbox,
) -> None:
    """Bodies hold names, numbers and addresses."""
    desk = Desk(inbox, SECRET)
    await desk.take()

    assert desk.observed.events == [
        (
            "webhook_accepted",
            {
                "webhook_id": "evt_1",
                "event_type": "customer.active",
                "bytes": len(BODY),
            },
        )
    ]


def test_keys_follow_the_secrets_and_survive_a_bad_one() -> None:
    """A typing error in Vault must not close the door to Dinie."""
    held: dict[str, Secret] = {}
    refused: list[str] = []
    keys = Keys(lambda: held, on_refused=refused.append)
    none = keys()

    held["webhook_secret"] = Secret(f"{SECRET} {OTHER}")
    both = list(keys())
    held["webhook_secret"] = Secret("whsec_typo!")
    after_typo = list(keys())
    keys()
    del held["webhook_secret"]

    assert none == []
    assert both == after_typo == keys() == [parse_secret(SECRET), parse_secret(OTHER)]
    assert refused == ["a webhook secret is base64 after its prefix"]


def test_of_two_secrets_one_may_be_bad() -> None:
    """The good one verifies; the other is said, and not repeated."""
    refused: list[str] = []
    held = {"webhook_secret": Secret(f"whsec_x! {SECRET}")}

    assert Keys(lambda: held, on_refused=refused.append)() == [parse_secret(SECRET)]
    assert len(refused) == 1
    assert "x!" not in refused[0]


def test_more_secrets_than_a_rotation_needs_are_said() -> None:
    """Each costs a signature for each delivery of an attacker's."""
    refused: list[str] = []
    held = {"webhook_secret": Secret(" ".join([SECRET, OTHER] * 2))}

    assert len(Keys(lambda: held, on_refused=refused.append)()) == 3
    assert refused == ["webhook_secret holds more than 3"]


async def test_strangers_do_not_fill_the_log(inbox: Inbox) -> None:
    """The metric counts each; a line tells how many were not said."""
    desk = Desk(inbox, SECRET)
    for _ in range(50):
        await desk.take(secret=OTHER)
    inbox.clock.advance(1.1)
    await desk.take(secret=OTHER)

    lines = [fields["unsaid"] for _, fields in desk.observed.events]
    assert lines == [0, 49]
    assert desk.observed.webhooks == ["bad_signature"] * 51


async def test_strangers_do_not_hide_a_full_disk_in_the_log(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind of refusal has lines of its own."""
    desk = Desk(inbox, SECRET)

    async def full(*_: object) -> Stored:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(inbox.store, "add", full)
    await desk.take(secret=OTHER)
    await desk.take()

    said = [fields["reason"] for _, fields in desk.observed.events]
    assert said == ["bad_signature", "the disk is full"]


async def test_a_head_alone_is_refused_where_no_body_can_save_it(inbox: Inbox) -> None:
    """And one that may be good is asked for its body."""
    desk, mute = Desk(inbox, SECRET), Desk(inbox)
    at = f"{inbox.clock.unix():.0f}".encode()

    def head(timestamp: bytes, *signatures: bytes) -> Signed:
        return Signed([b"evt_1"], [timestamp], list(signatures), b"")

    statuses = [
        desk.receiver.glance(head(at, b"v1,x")),
        desk.receiver.glance(head(b"1", b"v1,x")),
        desk.receiver.glance(head(at)),
        mute.receiver.glance(head(at, b"v1,x")),
    ]

    assert statuses == [200, 401, 401, 503]
    assert desk.observed.webhooks == ["bad_timestamp", "malformed"]
