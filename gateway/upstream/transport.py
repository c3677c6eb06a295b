"""Send one attempt over a connection: the only hop with sockets towards Dinie."""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial

from aiohttp import ClientResponse
from aiohttp.http_exceptions import BadStatusLine

from gateway.core.attempt import AttemptFailed, Outcome
from gateway.core.errors import UpstreamTimeout, UpstreamUnreachable
from gateway.core.exchange import Exchange
from gateway.core.upstream_response import UpstreamResponse
from gateway.deadline.options import DeadlineOptions
from gateway.deadline.policy import head_limit, whole_limit
from gateway.upstream.client import Sender, drop
from gateway.upstream.faults import failure_of
from gateway.upstream.response_head import checked_headers
from gateway.upstream.sweeper import LATE, Sweeper, Watch

BUFFERED = 1024 * 1024  # bytes; a body up to here is read whole before it goes on
LEAST_LEFT = 0.25  # s, for a POST; waits are planned to leave 0.3, and end late
STATUS_CLASSES = ("other", "1xx", "2xx", "3xx", "4xx", "5xx", *["other"] * 4)
_FIRST_FINAL = 200
_NO_CA = "upstream.ca_file: no CA certificates can be read there"


def trust(ca_file: str | None) -> ssl.SSLContext | None:
    """Return a TLS context that also trusts a CA file; None: the system's trust.

    Raises:
        OSError: there is no certificate; it names the setting, as OpenSSL does not.
    """
    if ca_file is None:
        return None
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cafile=ca_file)
    except OSError as error:  # ssl's errors are among them
        raise OSError(error.errno, _NO_CA) from None
    return context


class Transport:
    """Ends the chain of an attempt: times it, reads its response, maps its faults.

    aiohttp's errors stop here.
    """

    def __init__(
        self,
        options: DeadlineOptions,
        sender: Sender,
        sweeper: Sweeper,
        clock: Callable[[], float],
        on_attempt: Callable[[str, str, float], None],
    ) -> None:
        """Time what a sender sends.

        Args:
            options: Time budgets.
            sender: Has the connections.
            sweeper: Interrupts what is overdue.
            clock: Monotonic, s; the one that the sweeper reads.
            on_attempt: Takes route, outcome and duration (s) of each attempt.
        """
        self._options = options
        self._sender = sender
        self._sweeper = sweeper
        self._clock = clock
        self._on_attempt = on_attempt
        self._longest_connect = options.connect + LATE

    async def __call__(self, exchange: Exchange) -> UpstreamResponse:
        """Return a response whose body is read whole, or begun if it is large.

        Raises:
            AttemptFailed: no whole response; says whether the request was sent.
            GatewayError: the send is no longer worth it; nothing was sent now.
        """
        history = exchange.history
        sends = history.sends
        began = self._clock()
        options = self._options
        whole = min(began + options.attempt, exchange.deadline)
        if exchange.upload:
            whole = exchange.deadline
        label: str = Outcome.NOT_SENT
        status = 0
        watch = self._sweeper.watch(whole)
        late_at = began + whole_limit(options, upload=exchange.upload)
        watch.late_at = late_at
        request = self._sender.request(exchange)
        request.on_send = partial(self._before_send, exchange, watch)
        try:
            with watch:
                raw = await self._sender.send(request)
                watch.until, watch.late_at = whole, late_at
                response = await read(raw)
            status = response.status
            label = STATUS_CLASSES[status // 100]
            if response.body is None:
                exchange.hold(response)
            return response
        except asyncio.CancelledError:
            if history.sends > sends:
                label = "cancelled"
            raise
        except Exception as error:
            failure = failure_of(error, sent=history.sends > sends)
            if failure is None:
                raise
            label = self._judged(exchange, failure, watch, began)
            raise failure from error
        finally:
            took = self._clock() - began
            history.waits.upstream += took
            history.step(began, "attempt", history.sends, label, status, took)
            self._on_attempt(exchange.target.route, label, took)

    def _judged(
        self, exchange: Exchange, failure: AttemptFailed, watch: Watch, began: float
    ) -> str:
        """Return the label of a failure; note whose time-out it is."""
        now = self._clock()
        if failure.outcome is Outcome.NOT_SENT and now - began > self._longest_connect:
            failure.of_upstream = False  # the process was stopped meanwhile
        if not watch.expired or now >= watch.late_at:
            return failure.outcome
        failure.of_upstream = False
        exchange.history.out_of_time = now >= exchange.deadline
        return "deadline"

    def _before_send(self, exchange: Exchange, watch: Watch) -> None:
        """Check that the send is still wanted; from here on its response is due.

        Raises:
            GatewayError: it is not.
        """
        now = self._clock()
        check_worth_sending(exchange, now=now)
        late_at = now + head_limit(self._options, upload=exchange.upload)
        watch.late_at = min(watch.late_at, late_at)
        # An upload's body takes its time before a response can begin.
        if not exchange.upload:
            watch.until = min(watch.until, now + self._options.first_byte)


def check_worth_sending(exchange: Exchange, *, now: float) -> None:
    """Refuse a send whose response could reach no caller: it might take effect.

    The last look before the first byte: a slow body, a permit, a slot, a token, a
    backoff and connecting all took their time, and the caller may have left in any.

    Raises:
        UpstreamUnreachable: the exchange never sent anything.
        UpstreamTimeout: it did before, and knows what became of that.
    """
    if exchange.caller_gone:
        why = "the caller hung up"
    elif exchange.method == "POST" and exchange.deadline - now < LEAST_LEFT:
        # Cut off, it would be an unknown outcome; other methods have none.
        exchange.history.out_of_time = True
        why = f"less than {LEAST_LEFT * 1000:.0f} ms were left for it"
    else:
        return
    if exchange.history.sends == 0:
        raise UpstreamUnreachable(f"Nothing was sent: {why}.", retry_after=1.0)
    raise UpstreamTimeout(f"It was not sent again: {why}.", retry_after=1.0)


async def read(raw: ClientResponse) -> UpstreamResponse:
    """Read a response's body whole up to `BUFFERED`; the rest is left to stream."""
    if raw.status < _FIRST_FINAL:
        raw.close()
        raise BadStatusLine("a switch of protocols, or no status at all")
    try:
        status, headers, reason = raw.status, checked_headers(raw.headers), raw.reason
        length = raw.content_length
        if length is not None and length <= BUFFERED:
            body = await raw.content.read()
            return UpstreamResponse(status, headers, body, reason=reason)
        begun: list[bytes] = []
        size = 0
        while size <= BUFFERED:
            chunk = await raw.content.readany()
            if not chunk:
                whole = b"".join(begun)
                return UpstreamResponse(status, headers, whole, reason=reason)
            begun.append(chunk)
            size += len(chunk)
    except BaseException:
        drop(raw)
        raise
    return UpstreamResponse(
        status,
        headers,
        None,
        reason=reason,
        begun=b"".join(begun),
        read=raw.content.readany,
        close=raw.close,
    )
