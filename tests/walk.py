"""The whole life of a loan, driven through the official SDK."""

from dataclasses import dataclass
from typing import Any

from dinie import Dinie
from dinie.generated.types.create_customer_request import CreateCustomerRequest
from dinie.generated.types.create_loan_request import CreateLoanRequest
from dinie.generated.types.create_simulation_request import CreateSimulationRequest
from dinie.generated.types.customer_bank_account_request import (
    CustomerBankAccountRequest,
)

PDF = b"%PDF-1.4 a document\n%%EOF\n"


@dataclass(frozen=True, slots=True)
class WalkResult:
    """What the walk came to."""

    customer_id: str
    offer_id: str
    loan_id: str
    loan_status: str
    transactions: int
    uploads: int
    session_url: str


def walk_loan(client: Any) -> WalkResult:
    """Create a borrower and bring a loan to its signature; return what came of it."""
    customer = _register(client)
    customer = client.customers.retrieve(customer.id)
    uploads = _upload_all(client, customer)
    client.customers.start_kyc_review(customer.id)
    session = client.customers.create_biometrics_session(customer.id, {})
    client.customers.upsert_bank_account(
        customer.id,
        CustomerBankAccountRequest(
            bank_id="001", branch="0001", number="1234567", digit="0", kind="checking"
        ),
    )
    offer = client.customers.credit_offers.list(customer.id).data[0]
    simulation = client.credit_offers.create_simulation(
        offer.id,
        CreateSimulationRequest(requested_amount=25000.0, installment_count=4),
    )
    loan = _contract(client, offer, simulation)
    loan = client.loans.retrieve(loan.id)
    transactions = client.loans.transactions.list(loan.id).data
    return WalkResult(
        customer_id=customer.id,
        offer_id=offer.id,
        loan_id=loan.id,
        loan_status=loan.status,
        transactions=len(transactions),
        uploads=uploads,
        session_url=session.session_url,
    )


def _register(client: Any) -> Any:
    return client.customers.create(
        CreateCustomerRequest(
            cpf="123.456.789-09",
            cnpj="12.345.678/0001-95",
            email="ana@example.com",
            phone="+5511999999999",
            name="Ana Exemplo",
            external_id="walk-1",
        )
    )


def _contract(client: Any, offer: Any, simulation: Any) -> Any:
    return client.loans.create(
        CreateLoanRequest(
            credit_offer_id=offer.id,
            simulation_id=simulation.id,
            first_due_date=simulation.first_due_date,
            installment_count=simulation.installment_count,
            installment_amount=simulation.installment_amount,
        )
    )


def _upload_all(client: Any, customer: Any) -> int:
    """Upload everything that is asked for, but the selfie: it needs a session."""
    count = 0
    for item in customer.kyc:
        kind = item.requirement_type
        if kind == "selfie":
            continue
        evidence = {"identity": "cnh", "company_document": "ccmei"}.get(kind, kind)
        params: dict[str, Any] = {
            "requirement_id": item.requirement_id,
            "evidence_type": evidence,
            "attachment_type": "email" if kind == "email" else "file",
        }
        if kind == "email":
            params["value"] = "ana@example.com"
        else:
            params["file"] = PDF
        client.customers.kyc_attachments.create(customer.id, params)
        count += 1
    return count


def sdk(
    base_url: str, *, client_id: str = "unused", client_secret: str = "unused"
) -> Any:
    """Return the official client with a base URL of ours."""
    return Dinie(client_id=client_id, client_secret=client_secret, base_url=base_url)
