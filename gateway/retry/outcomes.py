"""Chooses the problem for a caller whose last attempt brought no response. Pure."""

from typing import Final

from gateway.core.attempt import AttemptFailed, Outcome
from gateway.core.errors import (
    CircuitOpen,
    GatewayError,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
    UpstreamProtocol,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.core.exchange import Exchange

# Their texts speak of the attempt that they refuse.
_NOTHING_SENT: Final = (CircuitOpen, Overloaded, RateLimited)


def problem(exchange: Exchange, failure: AttemptFailed) -> GatewayError:
    """Return the problem that an exchange ends with after a failed attempt."""
    if exchange.method == "POST" and exchange.history.unknown_sends:
        return outcome_unknown(exchange, failure.detail)
    if exchange.history.sends == 0:
        return UpstreamUnreachable(
            f"Nothing was sent: {failure.detail}.",
            retry_after=None if failure.outcome is Outcome.TLS_INVALID else 1.0,
        )
    if failure.outcome is Outcome.TIMEOUT:
        return UpstreamTimeout(
            f"{failure.detail}; the method is safe to repeat.", retry_after=1.0
        )
    return UpstreamProtocol(f"{failure.detail}.", retry_after=1.0)


def with_earlier_attempts(exchange: Exchange, error: GatewayError) -> GatewayError:
    """Return a problem of the last attempt, with what is known of earlier ones.

    Args:
        exchange: Whose attempts they are.
        error: Raised by the last one.

    Returns:
        The same error, or OutcomeUnknown for a POST that an earlier attempt sent.
    """
    if not exchange.history.unknown_sends:
        return error
    if exchange.method == "POST" and not isinstance(error, OutcomeUnknown):
        return outcome_unknown(exchange)
    if isinstance(error, _NOTHING_SENT):
        error.detail += " An earlier attempt was sent, and its outcome is unknown."
    return error


def outcome_unknown(exchange: Exchange, why: str = "") -> OutcomeUnknown:
    """Return the problem of a POST that was sent, and how to learn its outcome.

    Args:
        exchange: Of the POST.
        why: How its last attempt ended, safe to show.
    """
    last = f" (the last time: {why})" if why else ""
    what = (
        f"Repeat it with Idempotency-Key: {exchange.key} to learn what became of it."
        if exchange.target.repeatable
        else "It cannot be repeated: read the resource to learn what became of it."
    )
    return OutcomeUnknown(
        f"The request was sent and no whole response of Dinie's came{last}, so it may "
        f"have taken effect. {what}",
        retry_after=1.0 if exchange.target.repeatable else None,
    )
