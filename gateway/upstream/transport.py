"""Send one attempt over a connection: the only hop with sockets towards Dinie."""

import ssl
from collections.abc import Callable, Iterable
from http.cookies import SimpleCookie
from typing import ClassVar

from aiohttp import (
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.client_middlewares import ClientHandlerType
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http_exceptions import BadStatusLine
from aiohttp.tracing import Trace
from multidict import CIMultiDict
from yarl import URL

from gateway.deadline.options import DeadlineOptions
from gateway.errors import UpstreamTimeout, UpstreamUnreachable
from gateway.message import Exchange
from gateway.retry.policy import Outcome
from gateway.upstream.faults import failure_of
from gateway.upstream.watch import Sweeper

BUFFERED = 1024 * 1024  # bytes; an answer up to here is read whole before it goes on
LEAST_LEFT = 0.25  # s, for a POST; waits are planned to leave 0.3, and end late
_KEEPALIVE = 10.0  # s; below what servers keep, so that they do not close first
_LINE_LIMIT = 16 * 1024  # bytes; aiohttp's 8190 refuses some real answers
STATUS_CLASSES = ("other", "1xx", "2xx", "3xx", "4xx", "5xx", *["other"] * 4)
_SKIPPED = CIMultiDict({"Content-Type": None})
_FIRST_FINAL = 200
_DNS_TTL = 30  # s; a busy connector would keep an address for hours


class AttemptRequest(ClientRequest):
    """A request that notes when it is written to a connection."""

    exchange: Exchange | None = None

    def carry(self, exchange: Exchange) -> None:
        """Take an exchange's headers, once.

        They come this way, not through the session, which would take one of two
        headers away that differ in case only, and copies each of them three times.
        """
        if self.exchange is None:
            self.exchange = exchange
            self.headers.extend(exchange.outbound)

    def update_auto_headers(self, skip_auto_headers: Iterable[str] | None) -> None:
        """Invent none: no Accept, Accept-Encoding, Content-Type or User-Agent."""
        del skip_auto_headers
        self._skip_auto_headers = _SKIPPED

    async def send(self, conn: Connection) -> ClientResponse:
        """Write the request; from here on it counts as sent."""
        if self.exchange is not None:
            self.exchange.sends += 1
        return await super().send(conn)


class AskedConnector(TCPConnector):
    """Reuses no connection on which Dinie said something that nobody asked.

    aiohttp looks at that when a connection is given back, not when it is taken again:
    what arrived in between would be the answer to the next request.
    """

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            protocol = connection.protocol
            if protocol is not None and not protocol.should_close:
                return connection
            connection.close()
        return None


class NoCookies(DummyCookieJar):
    """Keeps none, and makes no empty jar for each request to say so."""

    _NONE: ClassVar[SimpleCookie] = SimpleCookie()

    def filter_cookies(self, request_url: URL) -> SimpleCookie:
        """Return the one empty set of cookies."""
        del request_url
        return self._NONE


def open_session(
    *, pool_size: int, deadline: DeadlineOptions, ssl_context: ssl.SSLContext | None
) -> ClientSession:
    """Return a client session that adds nothing of its own to a request."""
    return ClientSession(
        connector=AskedConnector(
            limit=pool_size,
            keepalive_timeout=_KEEPALIVE,
            ttl_dns_cache=_DNS_TTL,
            ssl=ssl_context if ssl_context is not None else True,
        ),
        # Everything but connecting is timed by the sweeper.
        timeout=ClientTimeout(total=None, connect=deadline.connect),
        cookie_jar=NoCookies(),  # one caller's session must not reach another
        auto_decompress=False,  # bodies pass as they are
        trust_env=False,  # no proxies or netrc of the environment
        request_class=AttemptRequest,
        max_line_size=_LINE_LIMIT,
        max_field_size=_LINE_LIMIT,
    )


def trust(ca_file: str | None) -> ssl.SSLContext | None:
    """Return a TLS context that also trusts a CA file; None: the system's trust."""
    if ca_file is None:
        return None
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=ca_file)
    return context


class TransportStage:
    """The innermost client middleware: times an attempt, reads it, maps faults.

    aiohttp's errors stop here. That also suppresses its hidden second send of GET, PUT
    and DELETE, which happens when the session itself sees a dropped connection.
    """

    def __init__(
        self,
        options: DeadlineOptions,
        sweeper: Sweeper,
        clock: Callable[[], float],
        on_attempt: Callable[[str, str, float], None],
    ) -> None:
        """Wire the stage.

        Args:
            options: Time budgets.
            sweeper: Interrupts what is overdue.
            clock: Monotonic, s; the one that the sweeper reads.
            on_attempt: Takes route, outcome and duration (s) of each attempt.
        """
        self._options = options
        self._sweeper = sweeper
        self._clock = clock
        self._on_attempt = on_attempt

    async def __call__(
        self, exchange: Exchange, request: ClientRequest, handler: ClientHandlerType
    ) -> ClientResponse:
        """Return an answer whose body is read whole, or begun if it is large.

        Raises:
            AttemptFailed: no whole answer; says whether the request was sent.
            GatewayError: nobody could read an answer any more; nothing was sent now.
        """
        assert isinstance(request, AttemptRequest)  # noqa: S101 - see open_session
        request.carry(exchange)
        sends = exchange.sends
        began = self._clock()
        check_worth_sending(exchange, now=began)
        options = self._options
        whole = min(began + options.attempt, exchange.deadline)
        if exchange.upload:
            whole = exchange.deadline
        label: str = Outcome.NOT_SENT
        try:
            head = min(whole, began + options.connect + options.first_byte)
            with self._sweeper.watch(whole if exchange.upload else head) as watch:
                response = await handler(request)
                watch.until = whole
                await read_answer(exchange, response)
            label = STATUS_CLASSES[response.status // 100]
            return response
        except Exception as error:
            failure = failure_of(error, sent=exchange.sends > sends)
            if failure is None:
                raise
            label = failure.outcome
            raise failure from error
        finally:
            took = self._clock() - began
            exchange.waits.upstream += took
            self._on_attempt(exchange.route, label, took)


def check_worth_sending(exchange: Exchange, *, now: float) -> None:
    """Refuse a send whose answer nobody would see: it might still take effect.

    The last look before the connection: a slow body, a permit, a slot, a token and a
    backoff all took their time, and the caller may have left in any of them.

    Raises:
        UpstreamUnreachable: the exchange never sent anything.
        UpstreamTimeout: it did before, and knows what became of that.
    """
    if exchange.caller_gone:
        why = "the caller hung up"
    elif exchange.method == "POST" and exchange.deadline - now < LEAST_LEFT:
        # Cut off, it would be an unknown outcome; other methods have none.
        why = f"less than {LEAST_LEFT * 1000:.0f} ms were left for it"
    else:
        return
    if exchange.sends == 0:
        raise UpstreamUnreachable(f"Nothing was sent: {why}.", retry_after=1.0)
    raise UpstreamTimeout(f"It was not sent again: {why}.", retry_after=1.0)


async def read_answer(exchange: Exchange, response: ClientResponse) -> None:
    """Read an answer's body whole up to `BUFFERED`; the rest is left to stream."""
    exchange.answer = None
    exchange.overflow = b""
    length = response.content_length
    if response.status < _FIRST_FINAL:
        response.close()
        raise BadStatusLine("a switch of protocols, or no status at all")
    try:
        if length is not None and length <= BUFFERED:
            exchange.answer = await response.content.read()
            return
        begun: list[bytes] = []
        size = 0
        while size <= BUFFERED:
            chunk = await response.content.readany()
            if not chunk:
                exchange.answer = b"".join(begun)
                return
            begun.append(chunk)
            size += len(chunk)
        exchange.overflow = b"".join(begun)
    except BaseException:
        response.close()
        raise
