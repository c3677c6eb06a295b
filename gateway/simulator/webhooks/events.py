"""Turns changes of records into webhook events."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gateway.simulator.world import Record, World

API_VERSION: Final = "2026-03-01"
_WHO = ("id", "external_id")
_PERSON = (*_WHO, "name", "email", "phone", "cpf", "cnpj")
_OFFER = (
    *(*_WHO, "customer_id", "status", "approved_amount", "min_amount"),
    *("installments", "due_date_rule", "valid_until"),
)
_LOAN = ("id", "status")
_NEW_LOAN = (*_LOAN, "credit_offer_id", "customer_id")
_BOTH: dict[str, tuple[str, ...]] = {
    "customer.created": (*_PERSON, "trading_name", "kyc"),
    "customer.kyc_updated": (*_WHO, "status", "kyc"),
    "customer.under_review": (*_WHO, "status"),
    "customer.active": (*_WHO, "status"),
    "loan.payment_received": ("id",),
    "loan.finished": _LOAN,
    "loan.cancelled": _LOAN,
    "loan.error": _LOAN,
}
_DOCS = _BOTH | {
    "credit_offer.available": (*_OFFER, "interest_rate"),
    "credit_offer.expired": (*_OFFER, "interest_rate"),
    "loan.created": (*_NEW_LOAN, "requested_amount", "number_of_installments"),
    "loan.contract_generated": (*_LOAN, "signing_url"),
    "loan.awaiting_signatures": _LOAN,
    "loan.signed": (*_LOAN, "ccb_number"),
    "loan.disbursing": _LOAN,
    "loan.active": (*_LOAN, "requested_amount", "net_amount"),
}
_SDK = _BOTH | {
    "customer.denied": (*_PERSON, "status"),
    "credit_offer.available": (*_OFFER, "monthly_interest_rate"),
    "credit_offer.expired": (*_OFFER, "monthly_interest_rate"),
    "loan.created": (
        *(*_NEW_LOAN, "requested_amount", "installment_count", "signing_url"),
    ),
    "loan.signature_received": ("id",),
    "loan.processing": (*_NEW_LOAN, "ccb_number", "disbursement_method"),
    "loan.active": (*_LOAN, "requested_amount", "principal_amount"),
}
_FAILURE = {"code": "disbursement_failed", "message": "The bank refused the transfer"}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, before it goes to any endpoint."""

    id: str
    type: str
    moment: Any  # as the profile writes it
    data: bytes  # JSON

    def body(self, delivery_id: str, *, sdk: bool) -> bytes:
        """Return the JSON of one attempt to deliver it."""
        content: Record = {"type": self.type, "timestamp": self.moment}
        if sdk:
            content |= {
                "id": self.id,
                "api_version": API_VERSION,
                "created_at": self.moment,
                "delivery_id": delivery_id,
            }
        return orjson.dumps({**content, "data": orjson.Fragment(self.data)})


def subscribed(patterns: Any, event_type: str) -> bool:
    """Return whether an endpoint's patterns want a type; no patterns want all."""
    return not patterns or any(_fits(str(one), event_type) for one in patterns)


def _fits(pattern: str, event_type: str) -> bool:
    group = pattern.removesuffix("*")
    if pattern == "*" or (group != pattern and group.endswith(".")):
        return event_type.startswith(group)
    return pattern == event_type


class Herald:
    """Told by the world of each change; tells the events that come of it."""

    def __init__(self, world: World, emit: Callable[[str, Record], object]) -> None:
        self._world = world
        self._emit = emit
        self._fields = _SDK if world.sdk else _DOCS

    def __call__(self, kind: str, record: Record, before: str) -> None:
        """Emit what a change brings.

        The kind `kyc` is a customer whose requirements have changed; the status
        before is empty for a new record.
        """
        if not self._world.kinds["endpoints"]:
            return
        for event_type, extra in self._changes(kind, record, before):
            if event_type in self._fields:
                names = self._fields[event_type]
                data = {name: record.get(name) for name in names}
                self._emit(event_type, {**data, **extra})

    def _changes(
        self, kind: str, record: Record, before: str
    ) -> Iterator[tuple[str, Record]]:
        """Return types, also of the other profile, and what the record lacks."""
        status = record["status"]
        if kind == "kyc":
            yield "customer.kyc_updated", {}
        elif kind == "customers":
            yield from self._customer(status, before)
        elif kind == "loans":
            yield from self._loan(record, before)
        elif kind == "offers":
            yield f"credit_offer.{status}", {}

    def _customer(self, status: str, before: str) -> Iterator[tuple[str, Record]]:
        if before in {"", "creating"} and status != "creating":
            yield "customer.created", {"status": "pending_kyc"}
        elif status == "pending_kyc":
            yield "customer.kyc_updated", {}
        yield f"customer.{status}", {}

    def _loan(self, loan: Record, before: str) -> Iterator[tuple[str, Record]]:
        status = loan["status"]
        if not before:
            yield "loan.created", {}
            return
        if (before, status) == ("awaiting_signatures", "processing"):
            yield "loan.signature_received", self._signature(loan)
        if status == "finished" != before:
            # The simulator's installments are all paid when the loan ends.
            yield from self._payments(loan)
        yield f"loan.{status}", {"error": _FAILURE} if status == "error" else {}

    def _signature(self, loan: Record) -> Record:
        customer = self._world.kinds["customers"].get(loan["customer_id"], {})
        return {
            "status": "awaiting_signatures",
            "signer": {
                "name": customer.get("name"),
                "cpf": customer.get("cpf"),
                "signed_at": self._world.now(),
            },
            "signatures_received": 1,
            "signatures_required": 1,
        }

    def _payments(self, loan: Record) -> Iterator[tuple[str, Record]]:
        sdk = self._world.sdk
        count = loan["installment_count" if sdk else "number_of_installments"]
        amount = loan["installment_amount" if sdk else "installments_value"]
        for number in range(1, count + 1):
            payment = {
                "amount": amount,
                "paid_at": self._world.now(),
                "installment_number": number,
            }
            yield "loan.payment_received", {"status": "active", "payment": payment}
