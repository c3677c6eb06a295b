"""What is the caller told whose last attempt brought no answer? Pure."""

from gateway.core.errors import (
    GatewayError,
    OutcomeUnknown,
    UpstreamProtocol,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.core.exchange import Exchange
from gateway.retry.policy import Outcome
from gateway.retry.ports import AttemptFailed


def problem(exchange: Exchange, failure: AttemptFailed) -> GatewayError:
    """Return the problem that an exchange ends with after a failed attempt."""
    if exchange.method == "POST" and exchange.unknown_sends:
        return outcome_unknown(exchange, failure.detail)
    if exchange.sends == 0:
        return UpstreamUnreachable(
            f"Nothing was sent: {failure.detail}.",
            retry_after=None if failure.outcome is Outcome.TLS_INVALID else 1.0,
        )
    if failure.outcome is Outcome.TIMEOUT:
        return UpstreamTimeout(
            f"{failure.detail}; the method is safe to repeat.", retry_after=1.0
        )
    return UpstreamProtocol(f"{failure.detail}.", retry_after=1.0)


def outcome_unknown(exchange: Exchange, why: str = "") -> OutcomeUnknown:
    """Return what a POST ends with that was sent, and what to do about it.

    Args:
        exchange: Of the POST.
        why: How its last attempt ended, safe to show.
    """
    last = f" (the last time: {why})" if why else ""
    what = (
        f"Repeat it with Idempotency-Key: {exchange.key} to learn what became of it."
        if exchange.repeatable
        else "It cannot be repeated: read the resource to learn what became of it."
    )
    return OutcomeUnknown(
        f"The request was sent and no whole answer of Dinie's came{last}, so it may "
        f"have taken effect. {what}",
        retry_after=1.0 if exchange.repeatable else None,
    )
