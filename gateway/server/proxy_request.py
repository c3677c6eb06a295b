"""Defines a caller's request, and checks its form before anything reads it."""

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.http import SERVER_SOFTWARE, RawRequestMessage

from gateway.core.errors import BadRequest
from gateway.core.stage import EXCHANGE

_VERSIONS = frozenset({HttpVersion10, HttpVersion11})
_ONE_COPY_UPGRADES = frozenset({"websocket", "tcp"})


class ProxyRequest(web.BaseRequest):
    """A request whose response carries only headers that Dinie or we chose."""

    head: RawRequestMessage  # as parsed; set by the factory in runner.py
    last: bool = False  # the connection ends with the response

    @property
    def keep_alive(self) -> bool:
        """Return whether the connection goes on after the response.

        Not after chunks: aiohttp's parser puts the last trailer of a chunked body among
        the headers of the connection's next request.
        """
        head = self.head
        return not (head.should_close or head.chunked or self.last)

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        headers = response.headers
        if headers.get("Server") == SERVER_SOFTWARE:
            del headers["Server"]
        exchange = self.get(EXCHANGE)
        if exchange is not None and exchange.history.untyped:
            headers.popall("Content-Type", None)


def check_form(request: ProxyRequest) -> None:
    """Refuse what the parser lets pass, although its end could be seen elsewhere.

    Raises:
        BadRequest: as said.
    """
    head = request.head
    if request.version not in _VERSIONS:
        raise BadRequest("the gateway speaks HTTP/1.1 and HTTP/1.0")
    if head.upgrade and (
        request.headers.get("Upgrade", "").lower() in _ONE_COPY_UPGRADES
    ):
        raise BadRequest("an upgrade of the connection is not relayed")
    if request.version == HttpVersion11 and "Host" not in request.headers:
        raise BadRequest("HTTP/1.1 asks for a Host header")
    if head.chunked and (
        request.headers.get("Transfer-Encoding", "").lower() != "chunked"
    ):
        raise BadRequest("the only transfer coding that is understood is chunked")
