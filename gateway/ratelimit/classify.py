"""The lane of a request, by its route and by what its caller says. Pure."""

from gateway.core.dinie_routes import PRIORITY_ROUTES
from gateway.core.exchange import Exchange
from gateway.ratelimit.accounting import Lane


def lane_of(exchange: Exchange) -> Lane:
    """Return the lane of a request: what moves money goes first, batch work last."""
    if exchange.method == "POST" and exchange.route in PRIORITY_ROUTES:
        return Lane.PRIORITY
    if exchange.interactive:
        return Lane.NORMAL
    return Lane.BACKGROUND if exchange.background else Lane.BATCH
