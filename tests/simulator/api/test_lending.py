"""Simulations and loans at the simulated Dinie, in both generations."""

from typing import Any

import pytest

from tests.simulator.partner import dinie


def terms(offer: Any, simulation: Any, **more: Any) -> dict[str, Any]:
    content = {
        "credit_offer_id": offer["id"],
        "simulation_id": simulation["id"],
        "first_due_date": simulation["first_due_date"],
    }
    names = ("installment_count", "installment_amount")  # needed in one generation
    same = {name: simulation[name] for name in names if name in simulation}
    return {**content, **same, **more}


@pytest.mark.parametrize(
    ("profile", "amount", "each", "status", "path"),
    [
        pytest.param(
            "docs",
            "10000.00",
            "installments_value",
            "processing",
            ["contract_generated", "awaiting_signatures", "signed", "disbursing"],
            id="docs",
        ),
        pytest.param(
            "sdk",
            10000.0,
            "installment_amount",
            "awaiting_signatures",
            ["processing"],
            id="sdk",
        ),
    ],
)
async def test_a_loan_lives_from_its_simulation_to_its_end(
    profile: str, amount: Any, each: str, status: str, path: list[str]
) -> None:
    """Services see every status that they must handle."""
    async with dinie(profile=profile) as partner:
        offer = await partner.offer()
        simulation = await partner.simulation(offer)
        made = await partner.call("POST", "/loans", terms(offer, simulation))
        loan = made.json
        steps = [partner.simulator.step(loan["id"])["status"] for _ in (*path, 0, 0)]
        end = await partner.call("POST", "/_sim/step", {"id": loan["id"]})
        read = await partner.call("GET", f"/loans/{loan['id']}")
        taken = await partner.call("GET", f"/credit-offers/{offer['id']}")
        listed = await partner.call("GET", f"/loans/{loan['id']}/transactions")

    assert simulation["requested_amount"] == amount
    assert isinstance(simulation[each], type(amount))
    assert (made.status, loan["status"]) == (201, status)
    assert steps == [*path, "active", "finished"]
    assert end.code == (409, "end_of_life")
    assert read.json["status"] == "finished"
    assert taken.json["status"] == "accepted"
    assert len(listed.json["data"]) == 4


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(
            {"requested_amount": 999, "installment_count": 4},
            "amount_out_of_range",
            id="too-little",
        ),
        pytest.param(
            {"requested_amount": 50001, "installment_count": 4},
            "amount_out_of_range",
            id="too-much",
        ),
        pytest.param(
            {"requested_amount": "much", "installment_count": 4},
            "invalid_format",
            id="no-number",
        ),
        pytest.param(
            {"requested_amount": 5000, "installment_count": 61},
            "invalid_format",
            id="too-long",
        ),
        pytest.param(
            {"requested_amount": 5000, "installment_count": "4"},
            "invalid_format",
            id="no-integer",
        ),
        pytest.param(
            {"requested_amount": 5000}, "missing_required_field", id="no-count"
        ),
    ],
)
async def test_a_simulation_out_of_bounds_is_refused(
    content: dict[str, Any], code: str
) -> None:
    """The offer's limits hold."""
    async with dinie() as partner:
        offer = await partner.offer()
        path = f"/credit-offers/{offer['id']}/simulations"
        reply = await partner.call("POST", path, content)

    assert reply.code == (422, code)


async def test_only_the_latest_simulation_can_be_contracted() -> None:
    """A borrower gets the terms that were shown last."""
    async with dinie() as partner:
        offer = await partner.offer()
        older = await partner.simulation(offer)
        await partner.simulation(offer, 20000.0)
        reply = await partner.call("POST", "/loans", terms(offer, older))

    assert reply.code == (422, "simulation_mismatch")


@pytest.mark.parametrize(
    ("profile", "more"),
    [
        pytest.param("sdk", {"installment_count": 5}, id="sdk-count"),
        pytest.param("sdk", {"installment_amount": 1.0}, id="sdk-amount"),
        pytest.param("docs", {"installments": 5}, id="docs-count"),
        pytest.param("docs", {"installments_value": "1.00"}, id="docs-amount"),
    ],
)
async def test_terms_that_differ_from_the_simulation_are_refused(
    profile: str, more: dict[str, Any]
) -> None:
    """Nobody contracts what was not simulated."""
    async with dinie(profile=profile) as partner:
        offer = await partner.offer()
        simulation = await partner.simulation(offer)
        reply = await partner.call("POST", "/loans", terms(offer, simulation, **more))

    assert reply.code == (422, "simulation_mismatch")
    assert reply.json["errors"][0]["param"] == next(iter(more))


async def test_an_offer_gives_one_loan() -> None:
    """A second one, under another key, is what everybody fears."""
    async with dinie() as partner:
        offer = await partner.offer()
        content = terms(offer, await partner.simulation(offer))
        await partner.call("POST", "/loans", content, key="a")
        reply = await partner.call("POST", "/loans", content, key="b")

    assert reply.code == (409, "offer_already_accepted")
    assert partner.simulator.count("loans") == 1


async def test_a_customer_who_is_not_active_gets_no_loan() -> None:
    """KYC comes first."""
    async with dinie() as partner:
        offer = await partner.offer()
        simulation = await partner.simulation(offer)
        customers = partner.simulator._world.kinds["customers"]
        customers[offer["customer_id"]]["status"] = "under_review"
        reply = await partner.call("POST", "/loans", terms(offer, simulation))

    assert reply.code == (422, "kyc_incomplete")


@pytest.mark.parametrize("by", ["time", "hand"])
async def test_an_expired_offer_gives_no_loan(by: str) -> None:
    """Thirty days are thirty days."""
    async with dinie(token_ttl=1e9) as partner:
        offer = await partner.offer()
        content = terms(offer, await partner.simulation(offer))
        if by == "time":
            partner.clock.advance(30 * 86_400.0)
        else:
            await partner.call("POST", "/_sim/step", {"id": offer["id"]})
        read = await partner.call("GET", f"/credit-offers/{offer['id']}")
        refused = await partner.call("POST", "/loans", content)
        simulations = f"/credit-offers/{offer['id']}/simulations"
        again = {"requested_amount": 5000, "installment_count": 4}
        late = await partner.call("POST", simulations, again)

    assert read.json["status"] == "expired"
    assert refused.code == late.code == (422, "offer_expired")


async def test_an_unknown_offer_is_not_found() -> None:
    """A typing error is no server fault."""
    async with dinie() as partner:
        content = {"credit_offer_id": "co_x", "simulation_id": "sim_x"}
        content["first_due_date"] = "2026-10-21"
        reply = await partner.call("POST", "/loans", content)

    assert reply.code == (404, "not_found")


@pytest.mark.parametrize(
    ("profile", "without"),
    [
        ("docs", "credit_offer_id"),
        ("docs", "first_due_date"),
        ("sdk", "simulation_id"),
        ("sdk", "installment_amount"),
    ],
)
async def test_a_loan_without_a_needed_field_is_refused(
    profile: str, without: str
) -> None:
    """It says which one, so that nobody has to guess."""
    async with dinie(profile=profile) as partner:
        offer = await partner.offer()
        content = terms(offer, await partner.simulation(offer))
        del content[without]
        reply = await partner.call("POST", "/loans", content)

    assert reply.code == (422, "missing_required_field")
    assert reply.json["errors"][0]["param"] == without


async def test_a_number_counts_by_its_value_and_not_by_its_spelling() -> None:
    """A round amount is an integer in some languages."""
    async with dinie(profile="sdk") as partner:
        offer = await partner.offer()
        simulation = await partner.simulation(offer)
        each = f"{simulation['installment_amount']:.3f}"
        content = terms(offer, simulation, installment_amount=each)
        reply = await partner.call("POST", "/loans", content)

    assert reply.status == 201


async def test_installments_follow_the_first_due_date() -> None:
    """The borrower chose the day; paid is what a finished loan is."""
    async with dinie() as partner:
        offer = await partner.offer()
        simulation = await partner.simulation(offer)
        content = terms(offer, simulation, first_due_date="2026-11-05")
        loan = (await partner.call("POST", "/loans", content)).json
        path = f"/loans/{loan['id']}/transactions"
        before = (await partner.call("GET", path)).json["data"]
        partner.simulator.step(loan["id"], "finished")
        after = (await partner.call("GET", path)).json["data"]
        odd = terms(offer, simulation, first_due_date="tomorrow")
        refused = await partner.call("POST", "/loans", odd)

    assert loan["first_due_date"] == "2026-11-05"
    assert [one["due_date"] for one in before[:2]] == ["2026-11-05", "2026-12-05"]
    assert {one["status"] for one in before} == {"pending"}
    assert {(one["status"], one["amount_remaining"]) for one in after} == {
        ("paid", "0.00")
    }
    assert refused.status == 409


async def test_a_day_that_is_none_is_refused() -> None:
    """Before anything is created."""
    async with dinie() as partner:
        offer = await partner.offer()
        simulation = await partner.simulation(offer)
        content = terms(offer, simulation, first_due_date="tomorrow")
        reply = await partner.call("POST", "/loans", content)

    assert reply.code == (422, "invalid_format")
    assert partner.simulator.count("loans") == 0


async def test_the_place_to_sign_is_told_only_while_there_is_something_to_sign() -> (
    None
):
    """In the documented generation a contract takes two looks to be ready."""
    async with dinie() as partner:
        offer = await partner.offer()
        content = terms(offer, await partner.simulation(offer))
        loan = (await partner.call("POST", "/loans", content)).json
        path = f"/loans/{loan['id']}"
        looks = [(await partner.call("GET", path)).json for _ in range(3)]
        partner.simulator.step(loan["id"])
        signed = (await partner.call("GET", path)).json

    assert (loan["status"], loan["signing_url"]) == ("processing", None)
    assert [look["status"] for look in looks] == [
        "contract_generated",
        "awaiting_signatures",
        "awaiting_signatures",
    ]
    assert all(look["signing_url"].startswith("https://") for look in looks)
    assert (looks[0]["ccb_number"], signed["signing_url"]) == (None, None)
    assert signed["ccb_number"].startswith("CCB-")
