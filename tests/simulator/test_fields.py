"""Types of fields: refused as Dinie would, and never taken into the world."""

from typing import Any

import pytest

from gateway.simulator.fields import AMOUNT, MOMENT, TEXT, TEXTS, WHOLE, Kind, check
from gateway.simulator.response import Refusal
from tests.simulator.partner import BORROWER, Partner, dinie

ODD: tuple[Any, ...] = (
    *({}, {"a": 1}, [], [1], ["a"], [[]], True, False, 0, -1, 1.5, 10**18, 1e300),
    *("", " ", "x", "nan", "inf", "1e999", "\x00", "😀", "9" * 5000, None),
)
FIELDS = {
    "/customers": tuple(BORROWER),
    "/customers/{customer}": ("email", "phone", "name"),
    "/customers/{customer}/bank-account": ("bank_account",),
    "/credit-offers/{offer}/simulations": ("requested_amount", "installment_count"),
    "/loans": (
        *("credit_offer_id", "simulation_id", "first_due_date"),
        *("installment_count", "installment_amount", "installments"),
        "installments_value",
    ),
    "/biometrics/session-exchange": ("code",),
    "/auth/credentials": ("name", "expires_at"),
    "/webhooks/endpoints": ("url", "events", "description"),
    "/webhooks/endpoints/{endpoint}": ("url", "events", "description", "status"),
    "/webhooks/endpoints/{endpoint}/secret/rotate": ("expire_current_in",),
    "/webhooks/endpoints/{endpoint}/rotate-secret": ("expire_current_in",),
}
LISTS = ("/customers", "/credit-offers", "/auth/credentials", "/webhooks/endpoints")


@pytest.mark.parametrize(
    ("kind", "good", "odd"),
    [
        pytest.param(TEXT, ["", "x"], [1, {}, [], True], id="text"),
        pytest.param(TEXTS, [[], ["a"]], ["a", [1], {}, True], id="texts"),
        pytest.param(WHOLE, [0, -1], [1.0, "1", True, []], id="whole"),
        pytest.param(
            AMOUNT,
            [1, 1.5, "25000.00"],
            [True, "nan", "1e999", "x", {}, [], "", float("inf")],
            id="amount",
        ),
        pytest.param(
            MOMENT,
            [1775253600, "2026-04-01T23:59:59Z"],
            [True, "x", {}, [], "2026-13-01T00:00:00Z"],
            id="moment",
        ),
    ],
)
def test_a_type_is_what_the_contract_has(
    kind: Kind, good: list[Any], odd: list[Any]
) -> None:
    """A truth value counts as a number in Python, and nowhere else."""
    for value in (*good, None):
        check({"a": value}, a=kind)
    for value in odd:
        with pytest.raises(Refusal) as refused:
            check({"a": value}, a=kind)
        assert refused.value.reply.status == 422


async def made(partner: Partner) -> dict[str, Any]:
    """Return one of everything, by what a path calls it."""
    offer = await partner.offer()
    simulation = await partner.simulation(offer)
    # No event goes there: waiting for its retries would move the clock on.
    quiet = {"url": "https://a.example", "events": ["galaxy.exploded"]}
    endpoint = await partner.call("POST", "/webhooks/endpoints", quiet)
    return {
        "customer": offer["customer_id"],
        "offer": offer["id"],
        "simulation": simulation["id"],
        "endpoint": endpoint.json["id"],
    }


def whole(path: str, known: dict[str, Any], *, sdk: bool) -> dict[str, Any]:
    """Return a body that would be taken."""
    if path == "/loans":
        loan = {
            "credit_offer_id": known["offer"],
            "simulation_id": known["simulation"],
            "first_due_date": "2027-01-01",
        }
        return loan | ({"installment_count": 4, "installment_amount": 1} if sdk else {})
    bodies: dict[str, dict[str, Any]] = {
        "/customers": dict(BORROWER, cpf="000.000.000-00", external_id="odd"),
        "/credit-offers/{offer}/simulations": {
            "requested_amount": 5000,
            "installment_count": 4,
        },
        "/auth/credentials": {"name": "a"},
        "/webhooks/endpoints": {"url": "https://a.example"},
    }
    return bodies.get(path, {})


@pytest.mark.parametrize("profile", ["docs", "sdk"])
@pytest.mark.parametrize("path", FIELDS)
async def test_no_field_of_an_odd_type_is_a_500_or_poisons_the_world(
    path: str, profile: str
) -> None:
    """What is wrong is refused by name; what is good afterwards is taken."""
    async with dinie(profile=profile, rate_limit=1_000_000) as partner:
        known = await made(partner)
        target = path.format(**known)
        method = "PATCH" if target.count("/") == 2 and "{" in path else "POST"
        if path.endswith("endpoints/{endpoint}"):
            method = "PATCH"
        for name in FIELDS[path]:
            for value in ODD:
                content = whole(path, known, sdk=profile == "sdk") | {name: value}
                reply = await partner.call(method, target, content)
                problem = reply.headers["Content-Type"] == "application/problem+json"
                assert reply.status < 500, (name, value)
                assert problem == (reply.status >= 400), (name, value)
                assert reply.status not in {400, 401}, (name, value, reply.json)
        lists = [
            (await partner.call("GET", f"{one}?sort={sort}")).status
            for one in LISTS
            for sort in ("name", "created_at")
        ]
        again = await partner.call("POST", "/customers", BORROWER)

    assert set(lists) == {200}
    assert again.status == 200


async def test_a_bank_account_has_text_only() -> None:
    """Its number leads money somewhere."""
    async with dinie() as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}/bank-account"
        replies = [
            await partner.call("POST", path, {"bank_account": {name: {}}})
            for name in ("bank_id", "branch", "number", "digit", "kind")
        ]

    assert {reply.code for reply in replies} == {(422, "invalid_format")}


@pytest.mark.parametrize("value", [{}, [], 7, True, None])
async def test_credentials_that_are_no_text_are_malformed(value: Any) -> None:
    """They are not written out and compared."""
    async with dinie() as partner:
        fields = {
            "grant_type": "client_credentials",
            "client_id": value,
            "client_secret": value,
        }
        reply = await partner.mint(headers={}, data=None, json=fields)

    assert reply.code == (400, "malformed_body")
