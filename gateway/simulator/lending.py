"""What happens to simulations and loans at the simulated Dinie?"""

from typing import Any

from gateway.simulator.answer import Answer, Refusal, ok
from gateway.simulator.world import RATE, Record, World, installment

_FEE = 0.012
_IOF = 0.018
_MOST = 60  # installments


def simulate(world: World, offer: Record, content: dict[str, Any]) -> Answer:
    """Compute a loan for an offer; only the latest one can be contracted."""
    amount = _amount(content.get("requested_amount"))
    count = content.get("installment_count")
    if not isinstance(count, int) or not 1 <= count <= _MOST:
        raise Refusal(422, "invalid_format", "1 to 60", param="installment_count")
    if not float(offer["min_amount"]) <= amount <= float(offer["approved_amount"]):
        raise Refusal(422, "amount_out_of_range", param="requested_amount")
    terms = _terms(world, amount, count)
    terms["credit_offer_id"] = offer["id"]
    simulation = world.add("simulations", "sim", **terms)
    offer_state(world, offer)["latest"] = simulation["id"]
    return ok(simulation, 201)


def _terms(world: World, amount: float, count: int) -> Record:
    """Return what a loan of an amount over so many months would cost."""
    fee, iof = amount * _FEE, amount * _IOF
    principal = amount + fee + iof
    each = installment(principal, count)
    money = world.money
    terms: Record = {
        "requested_amount": money(amount),
        "interest_amount": money(each * count - principal),
        "iof_amount": money(iof),
        "first_due_date": world.day(30),
    }
    if world.sdk:
        terms |= {
            "principal_amount": money(principal),
            "fee_amount": money(fee),
            "total_amount": money(each * count),
            "monthly_interest_rate": RATE * 100,
            "annual_interest_rate": 51.11,
            "monthly_cet_rate": 4.1,
            "annual_cet_rate": 61.96,
            "installment_count": count,
            "installment_amount": money(each),
        }
    else:
        terms |= {
            "amount": money(amount),
            "fees_amount": money(fee),
            "total_loan_amount": money(each * count),
            "interest_percentage": RATE * 100,
            "cet_percentage": 61.96,
            "number_of_installments": count,
            "installments_value": money(each),
        }
    return terms


def offer_state(world: World, offer: Record) -> Record:
    """Return what is known of an offer beside what is shown."""
    return world.kinds.setdefault("offer_states", {}).setdefault(offer["id"], {})


def _amount(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise Refusal(422, "invalid_format", param="requested_amount") from error


def contract(world: World, content: dict[str, Any]) -> Answer:
    """Create a loan from the latest simulation of an available offer."""
    offer = world.kinds["offers"].get(str(content.get("credit_offer_id")))
    simulation = world.kinds["simulations"].get(str(content.get("simulation_id")))
    if offer is None or simulation is None:
        raise Refusal(404, "not_found", "no such offer or simulation")
    if offer["status"] == "accepted":
        raise Refusal(409, "offer_already_accepted", "one loan an offer")
    if offer["status"] == "expired":
        raise Refusal(422, "offer_expired", "the offer has expired")
    customer = world.find("customers", offer["customer_id"])
    if customer["status"] != "active":
        raise Refusal(422, "kyc_incomplete", "the customer is not active")
    if offer_state(world, offer).get("latest") != simulation["id"]:
        raise Refusal(422, "simulation_mismatch", "only the latest simulation counts")
    _check_terms(world, simulation, content)
    world.touch(offer, status="accepted")
    return ok(_loan(world, offer, simulation), 201)


def _check_terms(world: World, simulation: Record, content: dict[str, Any]) -> None:
    names = (
        (("installment_count",) * 2, ("installment_amount",) * 2)
        if world.sdk
        else (
            ("installments", "number_of_installments"),
            ("installments_value", "installments_value"),
        )
    )
    for given, kept in names:
        if given in content and str(content[given]) != str(simulation[kept]):
            raise Refusal(422, "simulation_mismatch", "differs", param=given)


def _loan(world: World, offer: Record, simulation: Record) -> Record:
    common: Record = {
        "credit_offer_id": offer["id"],
        "simulation_id": simulation["id"],
        "customer_id": offer["customer_id"],
        "requested_amount": simulation["requested_amount"],
        "first_due_date": simulation["first_due_date"],
        "disbursement_method": "pix",
        "ccb_number": f"CCB-{world.ids.text(8)}",
        "signing_url": f"https://clicksign.com/widget/{world.ids.text(16)}",
    }
    if world.sdk:
        same = (
            "principal_amount",
            "iof_amount",
            "monthly_interest_rate",
            "annual_interest_rate",
            "monthly_cet_rate",
            "annual_cet_rate",
            "total_amount",
            "installment_amount",
            "installment_count",
        )
        terms = {name: simulation[name] for name in same}
        return world.add("loans", "ln", status="awaiting_signatures", **common, **terms)
    terms = {
        "net_amount": simulation["amount"],
        "iof": simulation["iof_amount"],
        "service_fee": simulation["fees_amount"],
        "interest_rate": simulation["interest_percentage"],
        "cet": simulation["cet_percentage"],
        "total_amount": simulation["total_loan_amount"],
        "installments_value": simulation["installments_value"],
        "number_of_installments": simulation["number_of_installments"],
    }
    return world.add("loans", "ln", status="processing", **common, **terms)


def transactions(world: World, loan: Record) -> list[Record]:
    """Return a loan's installments."""
    count = loan["installment_count" if world.sdk else "number_of_installments"]
    due = float(loan["installment_amount" if world.sdk else "installments_value"])
    return [
        {
            "id": f"tx_{loan['id'][3:31]}{number:04d}",
            "loan_id": loan["id"],
            "type": "installment",
            "status": "pending",
            "due_date": world.day(30 * number),
            "amount_due": world.money(due),
            "amount_paid": world.money(0),
            "amount_remaining": world.money(due),
            "principal": world.money(due * 0.8),
            "interest": world.money(due * 0.18),
            "fees": world.money(due * 0.02),
            "days_overdue": 0,
            "paid_at": None,
            "created_at": loan["created_at"],
            "updated_at": loan["updated_at"],
        }
        for number in range(1, count + 1)
    ]
