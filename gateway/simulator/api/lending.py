"""Implements the operations on simulations and loans."""

from datetime import date
from typing import Any

from gateway.simulator.fields import AMOUNT, TEXT, WHOLE, check, number
from gateway.simulator.response import Refusal, Reply, ok, required
from gateway.simulator.world import RATE, Record, World, installment

_FEE = 0.012
_IOF = 0.018
_MOST = 60  # installments
_CENT = 0.005
_TO_BE_SIGNED = frozenset({"contract_generated", "awaiting_signatures"})
_BEFORE_SIGNING = frozenset({"processing", *_TO_BE_SIGNED})
_CONTRACT = {
    **dict.fromkeys(("credit_offer_id", "simulation_id", "first_due_date"), TEXT),
    **dict.fromkeys(("installment_count", "installments"), WHOLE),
    **dict.fromkeys(("installment_amount", "installments_value"), AMOUNT),
}
_SAME = (  # what a loan takes over from its simulation, [S]
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
_RENAMED = {  # the same, [D]: the loan's name -> the simulation's
    "net_amount": "amount",
    "iof": "iof_amount",
    "service_fee": "fees_amount",
    "interest_rate": "interest_percentage",
    "cet": "cet_percentage",
    "total_amount": "total_loan_amount",
    "installments_value": "installments_value",
    "number_of_installments": "number_of_installments",
}


def simulate(world: World, offer: Record, content: dict[str, Any]) -> Reply:
    """Compute a loan for an offer; only the latest one can be contracted."""
    required(content, "requested_amount", "installment_count")
    check(content, requested_amount=AMOUNT, installment_count=WHOLE)
    amount = number(content["requested_amount"])
    count = content["installment_count"]
    if not 1 <= count <= _MOST:
        raise Refusal(422, "invalid_format", "1 to 60", param="installment_count")
    _check_offer(offer)
    if not float(offer["min_amount"]) <= amount <= float(offer["approved_amount"]):
        raise Refusal(422, "amount_out_of_range", param="requested_amount")
    terms = _terms(world, amount, count)
    terms["credit_offer_id"] = offer["id"]
    simulation = world.add("simulations", "sim", **terms)
    world.latest[offer["id"]] = simulation["id"]
    return ok(simulation, 201)


def _check_offer(offer: Record) -> None:
    if offer["status"] == "accepted":
        raise Refusal(409, "offer_already_accepted", "one loan an offer")
    if offer["status"] == "expired":
        raise Refusal(422, "offer_expired", "the offer has expired")


def _terms(world: World, amount: float, count: int) -> Record:
    """Return what a loan of an amount over so many months would cost."""
    fee, iof = amount * _FEE, amount * _IOF
    # Costs are lent as well in [S], and kept back in [D].
    principal = amount + fee + iof if world.sdk else amount
    each = installment(principal, count)
    money = world.money
    terms: Record = {
        "requested_amount": money(amount),
        "interest_amount": money(each * count - principal),
        "iof_amount": money(iof),
        "first_due_date": world.day(30),
    }
    if world.sdk:
        return terms | {
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
    return terms | {
        "amount": money(amount - fee - iof),
        "fees_amount": money(fee),
        "total_loan_amount": money(each * count),
        "interest_percentage": RATE * 100,
        "cet_percentage": 61.96,
        "number_of_installments": count,
        "installments_value": money(each),
    }


def contract(world: World, content: dict[str, Any]) -> Reply:
    """Create a loan from the latest simulation of an available offer."""
    required(content, "credit_offer_id", "simulation_id", "first_due_date")
    if world.sdk:
        required(content, "installment_count", "installment_amount")
    check(content, **_CONTRACT)
    offer = world.find("offers", content["credit_offer_id"])
    simulation = world.find("simulations", content["simulation_id"])
    _check_offer(offer)
    customer = world.find("customers", offer["customer_id"])
    if customer["status"] != "active":
        raise Refusal(422, "kyc_incomplete", "the customer is not active")
    if world.latest.get(offer["id"]) != simulation["id"]:
        raise Refusal(422, "simulation_mismatch", "only the latest simulation counts")
    _check_terms(world, simulation, content)
    due = _day(content["first_due_date"])
    world.touch(offer, status="accepted")
    loan = _loan(world, offer, simulation, due)
    world.tell("loans", loan)
    return ok(_shown(world, loan), 201)


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
        if content.get(given) is None:
            continue
        if abs(number(content[given]) - float(simulation[kept])) >= _CENT:
            raise Refusal(422, "simulation_mismatch", "differs", param=given)


def _day(value: Any) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError) as error:
        name = "first_due_date"
        raise Refusal(422, "invalid_format", "YYYY-MM-DD", param=name) from error


def _loan(world: World, offer: Record, simulation: Record, due: str) -> Record:
    common: Record = {
        "credit_offer_id": offer["id"],
        "simulation_id": simulation["id"],
        "customer_id": offer["customer_id"],
        "requested_amount": simulation["requested_amount"],
        "first_due_date": due,
        "disbursement_method": "pix",
        "ccb_number": f"CCB-{world.ids.text(8)}",
        "signing_url": f"https://clicksign.com/widget/{world.ids.text(16)}",
    }
    if world.sdk:
        terms = {name: simulation[name] for name in _SAME}
        return world.add("loans", "ln", status="awaiting_signatures", **common, **terms)
    terms = {mine: simulation[its] for mine, its in _RENAMED.items()}
    return world.add("loans", "ln", status="processing", **common, **terms)


def read(world: World, loan: Record) -> Record:
    """Return a loan as it is read: by then its contract goes to the signers."""
    prepared = world.sdk or loan["status"] not in {"processing", "contract_generated"}
    if world.options.auto_step and not prepared:
        world.step(loan["id"])
    return _shown(world, loan)


def _shown(world: World, loan: Record) -> Record:
    """Return a loan with only what can be known in its status."""
    hidden: Record = {}
    if loan["status"] not in _TO_BE_SIGNED:
        hidden["signing_url"] = None
    if not world.sdk and loan["status"] in _BEFORE_SIGNING:
        hidden["ccb_number"] = None
    return {**loan, **hidden}


def transactions(world: World, loan: Record) -> list[Record]:
    """Return a loan's installments; all are paid when it is finished."""
    count = loan["installment_count" if world.sdk else "number_of_installments"]
    due = float(loan["installment_amount" if world.sdk else "installments_value"])
    paid = loan["status"] == "finished"
    return [
        {
            "id": f"tx_{loan['id'][3:31]}{number:04d}",
            "loan_id": loan["id"],
            "type": "installment",
            "status": "paid" if paid else "pending",
            "due_date": world.day(30 * number, since=loan["first_due_date"]),
            "amount_due": world.money(due),
            "amount_paid": world.money(due if paid else 0),
            "amount_remaining": world.money(0 if paid else due),
            "principal": world.money(due * 0.8),
            "interest": world.money(due * 0.18),
            "fees": world.money(due * 0.02),
            "days_overdue": 0,
            "paid_at": loan["updated_at"] if paid else None,
            "created_at": loan["created_at"],
            "updated_at": loan["updated_at"],
        }
        for number in range(count)
    ]
