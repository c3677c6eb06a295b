"""The receiver: a webhook is verified, stored, and only then acknowledged."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.core.secret import Secret
from gateway.inbox.options import InboxOptions, SubscriberOptions
from gateway.inbox.ports import StoredArrival, StoreUnavailable
from gateway.inbox.receive import ContentHeaders, Receiver, WebhookKeys
from gateway.inbox.signature import Signed, parse_secret
from tests.inbox.scene import BODY, OTHER, SECRET, Inbox, Observed, headers, opened

JSON = ContentHeaders("application/json", "")
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


class Scene:
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
    scene = Scene(inbox, SECRET)

    statuses = [await scene.take(), await scene.take(), await scene.take("evt_2")]

    assert statuses == [200, 200, 200]
    assert scene.observed.webhooks == ["accepted", "duplicate", "accepted"]
    assert await inbox.states() == {"evt_1 all": "pending", "evt_2 all": "pending"}


async def test_the_same_id_with_another_body_keeps_the_first(inbox: Inbox) -> None:
    """Nobody shall replace what was delivered; somebody shall hear of it."""
    scene = Scene(inbox, SECRET)
    await scene.take()

    status = await scene.take(body=BODY + b" ")

    kept = await inbox.queries.one("evt_1")
    assert (status, scene.observed.webhooks[-1]) == (200, "conflict")
    assert kept is not None
    assert kept["body"] == BODY


async def test_a_repeat_with_a_delivery_id_of_its_own_is_a_duplicate(
    inbox: Inbox,
) -> None:
    """Dinie names each attempt; the event is the same, and is delivered once."""
    scene = Scene(inbox, SECRET)
    body = b'{"type":"loan.active","delivery_id":"dlv_%d","data":{"id":"ln_1"}}'

    statuses = [await scene.take(body=body % number) for number in (1, 2, 3)]

    kept = await inbox.queries.one("evt_1")
    assert statuses == [200, 200, 200]
    assert scene.observed.webhooks == ["accepted", "duplicate", "duplicate"]
    assert kept is not None
    assert kept["body"] == body % 1


async def test_each_type_goes_to_who_wants_it(inbox: Inbox) -> None:
    """And what is no JSON to who wants everything."""
    scene = Scene(inbox, SECRET)
    await scene.take("evt_1", b'{"type":"loan.active","data":{"id":"ln_1"}}')
    await scene.take("evt_2", b"\x1f\x8b")

    assert sorted(await inbox.states()) == ["evt_1 all", "evt_1 loans", "evt_2 all"]


async def test_what_no_subscriber_wants_is_counted_and_said(inbox: Inbox) -> None:
    """It is kept, and reaches nobody: somebody shall hear of it."""
    scene = Scene(inbox, SECRET)
    scene.receiver._wanting = lambda _: []
    for number, event_type in enumerate(("loan.active", "a.b", "c.d", "loan.active")):
        body = f'{{"type":"{event_type}"}}'.encode()
        await scene.take(f"evt_{number}", body)
    await scene.take("evt_0", b'{"type":"loan.active"}')

    said = [
        told for event, told in scene.observed.events if event == "webhook_unrouted"
    ]
    assert scene.observed.unwanted == ["loan.active", "other", "other", "loan.active"]
    assert [one["event_type"] for one in said] == ["loan.active", "a.b"]


async def test_an_odd_event_reaches_whoever_wants_its_type(inbox: Inbox) -> None:
    """The fast parser refuses it; the grammar does not."""
    scene = Scene(inbox, SECRET)
    body = rb'{"type":"loan.active","data":{"id":"ln_1","name":"\ud83c"}}'

    await scene.take("evt_1", body)

    assert sorted(await inbox.states()) == ["evt_1 all", "evt_1 loans"]
    assert scene.observed.unwanted == []


async def test_both_secrets_of_a_rotation_are_good(inbox: Inbox) -> None:
    """Dinie signs with the new one while some deliveries carry the old."""
    scene = Scene(inbox, OTHER, SECRET)

    assert await scene.take("evt_1", secret=SECRET) == 200
    assert await scene.take("evt_2", secret=OTHER) == 200


async def test_what_is_forged_is_a_401_and_not_kept(inbox: Inbox) -> None:
    """No detail for whoever forges; the reason is in metric and log."""
    await inbox.queries.probe(1)
    scene = Scene(inbox, SECRET)

    status = await scene.take(secret=OTHER)

    assert (status, scene.observed.webhooks) == (401, ["bad_signature"])
    assert (
        await inbox.queries.listed(state=None, event_type=None, before=None, most=9)
        == []
    )


async def test_without_a_secret_dinie_is_asked_to_come_again(inbox: Inbox) -> None:
    """A 401 would have Dinie give up on deliveries that are good."""
    scene = Scene(inbox)

    assert await scene.take() == 503
    assert scene.observed.webhooks == ["unavailable"]


async def test_what_cannot_be_kept_is_not_answered_with_200(inbox: Inbox) -> None:
    """Dinie sends it again; nothing is lost."""

    class Broken:
        async def add(self, *_: object) -> StoredArrival:
            raise StoreUnavailable("the disk is full: make room")

    scene = Scene(inbox, SECRET)
    scene.receiver._store = Broken()

    assert await scene.take() == 503
    assert scene.observed.events[-1][1]["reason"] == "the disk is full: make room"


async def test_the_log_names_the_event_and_nothing_of_its_content(
    inbox: Inbox,
) -> None:
    """Bodies hold names, numbers and addresses."""
    scene = Scene(inbox, SECRET)
    await scene.take()

    assert scene.observed.events == [
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
    keys = WebhookKeys(lambda: held, on_refused=refused.append)
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

    assert WebhookKeys(lambda: held, on_refused=refused.append)() == [
        parse_secret(SECRET)
    ]
    assert len(refused) == 1
    assert "x!" not in refused[0]


def test_more_secrets_than_a_rotation_needs_are_said() -> None:
    """Each costs a signature for each delivery of an attacker's."""
    refused: list[str] = []
    held = {"webhook_secret": Secret(" ".join([SECRET, OTHER] * 2))}

    assert len(WebhookKeys(lambda: held, on_refused=refused.append)()) == 3
    assert refused == ["webhook_secret holds more than 3"]


async def test_strangers_do_not_fill_the_log(inbox: Inbox) -> None:
    """The metric counts each; a line tells how many were not said."""
    scene = Scene(inbox, SECRET)
    for _ in range(50):
        await scene.take(secret=OTHER)
    inbox.clock.advance(1.1)
    await scene.take(secret=OTHER)

    lines = [fields["unsaid"] for _, fields in scene.observed.events]
    assert lines == [0, 49]
    assert scene.observed.webhooks == ["bad_signature"] * 51


async def test_strangers_do_not_hide_a_full_disk_in_the_log(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind of refusal has lines of its own."""
    scene = Scene(inbox, SECRET)

    async def full(*_: object) -> StoredArrival:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(inbox.store, "add", full)
    await scene.take(secret=OTHER)
    await scene.take()

    said = [fields["reason"] for _, fields in scene.observed.events]
    assert said == ["bad_signature", "the disk is full"]


async def test_a_head_alone_is_refused_where_no_body_can_save_it(inbox: Inbox) -> None:
    """And one that may be good is asked for its body."""
    scene, mute = Scene(inbox, SECRET), Scene(inbox)
    at = f"{inbox.clock.unix():.0f}".encode()

    def head(timestamp: bytes, *signatures: bytes) -> Signed:
        return Signed([b"evt_1"], [timestamp], list(signatures), b"")

    statuses = [
        scene.receiver.check_head(head(at, b"v1,x")),
        scene.receiver.check_head(head(b"1", b"v1,x")),
        scene.receiver.check_head(head(at)),
        mute.receiver.check_head(head(at, b"v1,x")),
    ]

    assert statuses == [200, 401, 401, 503]
    assert scene.observed.webhooks == ["bad_timestamp", "malformed"]
