"""Customers, accounts and banks at the simulated Dinie."""

from typing import Any

import pytest

from tests.simulator.partner import BORROWER, dinie


@pytest.mark.parametrize(
    ("profile", "status", "created_at"),
    [("docs", "pending_kyc", "2026-09-21T14:13:20Z"), ("sdk", "creating", 1790000000)],
)
async def test_a_customer_looks_as_its_generation_has_it(
    profile: str, status: str, created_at: Any
) -> None:
    """Statuses and moments differ between documentation and SDKs."""
    async with dinie(profile=profile) as partner:
        customer = await partner.customer()

    assert (customer["status"], customer["created_at"]) == (status, created_at)
    assert customer["id"].startswith("cust_")


async def test_the_same_borrower_again_is_the_same_customer() -> None:
    """Dinie's own protection, beside the keys."""
    async with dinie() as partner:
        first = await partner.call("POST", "/customers", BORROWER)
        again = await partner.call("POST", "/customers", BORROWER)

    assert (first.status, again.status) == (201, 200)
    assert first.json["id"] == again.json["id"]


async def test_a_cpf_under_another_external_id_is_refused() -> None:
    """One borrower, one customer."""
    async with dinie() as partner:
        await partner.customer()
        other = {**BORROWER, "external_id": "e-2"}
        reply = await partner.call("POST", "/customers", other)

    assert reply.code == (409, "customer_already_exists")


@pytest.mark.parametrize(
    ("profile", "field", "status"),
    [
        pytest.param("docs", "cpf", 422, id="docs-cpf"),
        pytest.param("docs", "phone", 201, id="docs-phone-may-miss"),
        pytest.param("sdk", "phone", 422, id="sdk-phone"),
        pytest.param("sdk", "cnpj", 422, id="sdk-cnpj"),
    ],
)
async def test_needed_fields_are_needed(profile: str, field: str, status: int) -> None:
    """Each generation has its own."""
    async with dinie(profile=profile) as partner:
        content = {k: v for k, v in BORROWER.items() if k != field}
        reply = await partner.call("POST", "/customers", content)

    assert reply.status == status


@pytest.mark.parametrize(
    ("profile", "name"), [("docs", "Ana Nova"), ("sdk", "Ana Exemplo")]
)
async def test_only_some_fields_can_be_changed(profile: str, name: str) -> None:
    """The CPF never, the name in one generation only."""
    async with dinie(profile=profile) as partner:
        customer = await partner.customer()
        change = {"cpf": "1", "email": "new@example.com", "name": "Ana Nova"}
        path = f"/customers/{customer['id']}"
        changed = (await partner.call("PATCH", path, change)).json

    assert changed["email"] == "new@example.com"
    assert (changed["cpf"], changed["name"]) == ("123.456.789-09", name)


async def test_a_bank_account_is_kept() -> None:
    """What was put is read again, with its bank's name."""
    async with dinie() as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}/bank-account"
        before = await partner.call("GET", path)
        bare = await partner.call("POST", path, {"bank_id": "237"})
        account = {"bank_id": "237", "branch": "1", "number": "2", "digit": "3"}
        await partner.call("POST", path, {"bank_account": account})
        read = (await partner.call("GET", path)).json

    assert before.code == (404, "not_found")
    assert bare.code == (422, "missing_required_field")
    assert (read["bank_name"], read["number"]) == ("Bradesco", "2")


async def test_the_directory_of_banks_is_a_list() -> None:
    """As documented, though one SDK cannot read it."""
    async with dinie() as partner:
        banks = (await partner.call("GET", "/banks")).json["data"]

    assert banks[0] == {
        "id": "001",
        "name": "Banco do Brasil",
        "display_name": "001 - Banco do Brasil",
    }


async def test_a_bank_account_keeps_its_id() -> None:
    """Put again, it is changed and no second one."""
    async with dinie() as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}/bank-account"
        account = {"bank_id": "237", "branch": "1", "number": "2", "digit": "3"}
        puts = [
            (await partner.call("POST", path, {"bank_account": {**account, **more}}))
            for more in ({}, {"number": "9", "kind": "saving"}, {"kind": "secret"})
        ]

    assert puts[0].json["id"] == puts[1].json["id"]
    assert puts[1].json["number"] == "9"
    assert puts[2].code == (422, "invalid_format")


@pytest.mark.parametrize("external_id", [[1], {"a": 1}])
async def test_a_field_of_an_odd_type_is_a_422(external_id: Any) -> None:
    """And the key is free again, as nothing was executed."""
    async with dinie() as partner:
        await partner.customer()
        odd = {**BORROWER, "external_id": external_id}
        replies = [
            await partner.call("POST", "/customers", odd, key="k") for _ in range(2)
        ]

    assert [reply.code for reply in replies] == [(422, "invalid_format")] * 2
