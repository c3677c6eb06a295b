"""What kind of request is it, to the limiter? Pure."""

from typing import Final
from zlib import crc32

from gateway.message import Exchange
from gateway.ratelimit.ledger import Lane

PRIORITY_ROUTES: Final = frozenset(
    {"/loans", "/auth/credentials", "/webhooks/endpoints"}
)


def lane_of(exchange: Exchange) -> Lane:
    """Return the lane of a request: what moves money goes first, batch work last."""
    if exchange.method == "POST" and exchange.route in PRIORITY_ROUTES:
        return Lane.PRIORITY
    if exchange.interactive:
        return Lane.NORMAL
    return Lane.BACKGROUND if exchange.background else Lane.BATCH


def who_of(exchange: Exchange) -> int:
    """Return what tells a request from others, when it comes again."""
    said = f"{exchange.caller} {exchange.method} {exchange.target} {exchange.key}"
    return crc32(said.encode())
