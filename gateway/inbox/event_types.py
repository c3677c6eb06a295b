"""The event types of Dinie's documentation and SDKs. Pure."""

from typing import Final

UNKNOWN: Final = "unknown"  # the type of a body that is no JSON, or has none
KNOWN: Final = frozenset(
    {
        "customer.created",
        "customer.kyc_updated",
        "customer.under_review",
        "customer.active",
        "customer.denied",
        "credit_offer.available",
        "credit_offer.expired",
        "loan.created",
        "loan.contract_generated",
        "loan.awaiting_signatures",
        "loan.signature_received",
        "loan.signed",
        "loan.disbursing",
        "loan.processing",
        "loan.active",
        "loan.payment_received",
        "loan.finished",
        "loan.cancelled",
        "loan.error",
    }
)


def label(event_type: str) -> str:
    """Return a type as a metric's label, from a closed set."""
    return event_type if event_type in KNOWN or event_type == UNKNOWN else "other"
