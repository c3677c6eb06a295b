"""Defines the lanes of requests, and reads which one a request is in. Pure.

The quota and the places in the gateway are given out in the order of lanes.
"""

from enum import IntEnum

from gateway.core.dinie_routes import PRIORITY_ROUTES
from gateway.core.exchange import Exchange


class Lane(IntEnum):
    """Priority of a request; the lowest number goes first."""

    PRIORITY = 0
    NORMAL = 1
    BATCH = 2
    BACKGROUND = 3


def lane_of(exchange: Exchange) -> Lane:
    """Return the lane of a request: what moves money goes first, batch work last."""
    if exchange.method == "POST" and exchange.target.route in PRIORITY_ROUTES:
        return Lane.PRIORITY
    if exchange.head.interactive:
        return Lane.NORMAL
    return Lane.BACKGROUND if exchange.head.background else Lane.BATCH
