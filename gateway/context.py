"""How do aiohttp's requests carry the exchange that they belong to?"""

from typing import Final, Protocol

from aiohttp import web

from gateway.message import Exchange

EXCHANGE: Final = web.RequestKey("exchange", Exchange)  # of a caller's request


class Attempt(Protocol):
    """A request to Dinie."""

    exchange: Exchange
