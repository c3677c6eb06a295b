"""Which events a life brings, in each generation."""

from typing import Any

import pytest

from gateway.simulator.webhooks.events import Event, Herald, subscribed
from tests.simulator.partner import BORROWER, PDF, Partner, dinie
from tests.simulator.receiver import Post, posting

DOCS_LIFE = [
    "customer.created",
    "customer.under_review",
    "customer.active",
    "credit_offer.available",
    "loan.created",
    "loan.contract_generated",
    "loan.awaiting_signatures",
    "loan.signed",
    "loan.disbursing",
    "loan.active",
    *["loan.payment_received"] * 4,
    "loan.finished",
]
SDK_LIFE = [
    "customer.created",
    "customer.under_review",
    "customer.active",
    "credit_offer.available",
    "loan.created",
    "loan.signature_received",
    "loan.processing",
    "loan.active",
    *["loan.payment_received"] * 4,
    "loan.finished",
]


async def live(post: Post) -> None:
    """Walk a customer and a loan to their ends; one webhook at a time."""
    partner = post.partner
    offer = await partner.offer()
    simulation = await partner.simulation(offer)
    loan = await contract(partner, offer, simulation)
    while (await settle(post, loan["id"]))["status"] != "finished":
        pass
    await post.simulator.webhooks.settled()


async def settle(post: Post, identifier: str) -> Any:
    """Step on once what was told before has arrived."""
    await post.simulator.webhooks.settled()
    return post.simulator.step(identifier)


async def contract(partner: Partner, offer: Any, simulation: Any) -> Any:
    """Contract a simulation."""
    count = simulation.get("installment_count")
    amount = simulation.get("installment_amount")
    content = {
        "credit_offer_id": offer["id"],
        "simulation_id": simulation["id"],
        "first_due_date": simulation["first_due_date"],
        **({"installment_count": count, "installment_amount": amount} if count else {}),
    }
    reply = await partner.call("POST", "/loans", content)
    assert reply.status == 201, reply
    return reply.json


@pytest.mark.parametrize(
    ("profile", "types"),
    [
        pytest.param("docs", DOCS_LIFE, id="docs"),
        pytest.param("sdk", SDK_LIFE, id="sdk"),
    ],
)
async def test_a_whole_life_brings_its_events(profile: str, types: list[str]) -> None:
    """Each once, of the generation's own catalogue."""
    async with posting(profile=profile) as post:
        await live(post)
        told = [one.event_type for one in post.simulator.webhooks.journal]
        acknowledged = post.simulator.webhooks.acknowledged()

    assert told == types
    assert sorted(post.receiver.types) == sorted(types)
    assert len(acknowledged) == len(types)


async def test_the_official_sdk_reads_every_event_of_its_generation() -> None:
    """What our tests stand on is what real receivers accept."""
    async with posting(profile="sdk") as post:
        await live(post)
        loan = next(iter(post.simulator._world.kinds["loans"]))
        customer = next(iter(post.simulator._world.kinds["customers"]))
        offer = next(iter(post.simulator._world.kinds["offers"]))
        for identifier, to in [
            (loan, "cancelled"),
            (loan, "error"),
            (customer, "denied"),
            (customer, "pending_kyc"),
            (offer, "expired"),
        ]:
            post.simulator.step(identifier, to)
        await post.simulator.webhooks.settled()

    read = [one.extracted() for one in post.received]
    assert len({event.type for event in read}) == 15
    payments = [e.data.payment for e in read if e.type == "loan.payment_received"]
    numbers = sorted(payment.installment_number for payment in payments)
    assert numbers == [1, 2, 3, 4]


async def test_the_envelope_of_the_documentation_is_three_fields() -> None:
    """Its time is text and its amounts are, too."""
    async with posting() as post:
        await live(post)

    by_type = {one.type: one.json for one in post.received}
    active = by_type["loan.active"]
    assert set(active) == {"type", "timestamp", "data"}
    assert active["timestamp"] == "2026-09-21T14:13:20Z"
    assert active["data"]["requested_amount"] == "10000.00"
    assert set(active["data"]) == {"id", "status", "requested_amount", "net_amount"}
    assert by_type["loan.contract_generated"]["data"]["signing_url"] is not None
    assert by_type["credit_offer.available"]["data"]["interest_rate"] == 3.5
    assert by_type["loan.payment_received"]["data"]["status"] == "active"


async def test_the_envelope_of_the_sdks_names_event_and_attempt() -> None:
    """The event's id is the webhook's."""
    async with posting(profile="sdk") as post:
        identifier = await post.emit("loan.finished", id="ln_1", status="finished")

    (envelope,) = (one.json for one in post.received)
    assert (envelope["id"], envelope["api_version"]) == (identifier, "2026-03-01")
    assert envelope["created_at"] == envelope["timestamp"] == 1_790_000_000
    assert envelope["delivery_id"].startswith("dlv_")
    assert len(envelope["delivery_id"]) == 36


async def test_a_document_and_its_refusal_are_told() -> None:
    """What the customer still has to send can be read from the event."""
    async with posting() as post:
        customer = await post.partner.customer()
        path = f"/customers/{customer['id']}/documents"
        await post.partner.upload(path, type="cnh", file=PDF)
        await settle(post, customer["id"])
        post.simulator.step(customer["id"], "pending_kyc")
        await post.simulator.webhooks.settled()

    told = [one.json for one in post.received if one.type == "customer.kyc_updated"]
    sent, refused = ([k["message"] for k in t["data"]["kyc"]] for t in told)
    assert (sent, refused) == ([None] * 3, ["Documento ilegível", None, None])
    assert {one["data"]["status"] for one in told} == {"pending_kyc"}


async def test_an_accepted_document_is_told_before_the_customer_is_active() -> None:
    """With the judgement that made it so."""
    async with posting(profile="sdk", auto_step=False) as post:
        customer = await post.partner.customer()
        post.simulator.step(customer["id"])
        reply = await post.partner.call("GET", f"/customers/{customer['id']}")
        needed = next(
            item
            for item in reply.json["kyc"]
            if item["requirement_type"] == "company_document"
        )
        await post.partner.upload(
            f"/customers/{customer['id']}/kyc-attachments",
            requirement_id=needed["requirement_id"],
            file=PDF,
        )
        post.simulator.step(customer["id"], "active")
        told = [one.event_type for one in post.simulator.webhooks.journal]

    assert told == [
        "customer.created",
        "customer.kyc_updated",
        "customer.kyc_updated",
        "customer.active",
        "credit_offer.available",
    ]


async def test_a_customer_is_told_once_its_creation_has_ended() -> None:
    """Stepped by hand, that is not when it is registered."""
    async with posting(profile="sdk", auto_step=False) as post:
        customer = await post.partner.customer()
        before = list(post.simulator.webhooks.journal)
        await settle(post, customer["id"])
        await post.simulator.webhooks.settled()

    assert before == []
    assert post.received[0].json["data"]["status"] == "pending_kyc"
    assert post.received[0].json["data"]["external_id"] == BORROWER["external_id"]


async def test_an_offer_that_has_expired_is_told_when_it_is_looked_at() -> None:
    """Once."""
    async with posting() as post:
        await post.partner.offer()
        post.clock.advance(31 * 86_400)
        await post.partner.mint()
        await post.partner.call("GET", "/credit-offers")
        await post.partner.call("GET", "/credit-offers")
        told = [one.event_type for one in post.simulator.webhooks.journal]

    assert told.count("credit_offer.expired") == 1


async def test_without_an_endpoint_nothing_is_made() -> None:
    """Those who test without webhooks pay nothing for them."""
    async with dinie() as partner:
        world, told = partner.simulator._world, []
        world.observer = Herald(world, lambda *event: told.append(event))
        await partner.offer()
        before = list(told)
        partner.simulator.add_endpoint("https://shop.example/hook")
        await partner.customer(cpf="987.654.321-00", external_id="e-2")

    assert before == []
    assert [event_type for event_type, _ in told] == ["customer.created"]


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        pytest.param(None, True, id="missing"),
        pytest.param([], True, id="empty"),
        pytest.param(["*"], True, id="all"),
        pytest.param(["loan.*"], True, id="group"),
        pytest.param(["loan.created"], True, id="exact"),
        pytest.param(["customer.*", "loan.created"], True, id="any-of-them"),
        pytest.param(["loan.create"], False, id="half-a-name"),
        pytest.param(["loan*"], False, id="no-dot"),
        pytest.param(["customer.*"], False, id="another-group"),
        pytest.param([1], False, id="no-text"),
    ],
)
def test_patterns_are_exact_a_group_or_all(patterns: Any, wanted: bool) -> None:
    """Nothing else is a pattern."""
    assert subscribed(patterns, "loan.created") is wanted


def test_data_go_into_the_body_as_they_were_when_it_happened() -> None:
    """Records change while a webhook waits for its next attempt."""
    event = Event("evt_1", "a.b", 7, b'{"kyc":[1]}')

    body = event.body("dlv_1", sdk=False)

    assert body == b'{"type":"a.b","timestamp":7,"data":{"kyc":[1]}}'
