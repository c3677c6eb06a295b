"""Under which key does an aiohttp request carry its exchange?"""

from typing import Final

from aiohttp import web

from gateway.core.exchange import Exchange

EXCHANGE: Final = web.RequestKey("exchange", Exchange)
