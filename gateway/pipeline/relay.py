"""Sends an exchange to Dinie and relays the response to the caller."""

from collections.abc import Callable

from aiohttp import HttpVersion11, hdrs, web

from gateway.core.exchange import Exchange
from gateway.core.stage import EXCHANGE, Send
from gateway.server.responses import abort, mark, relayed_head, relayed_whole
from gateway.server.streaming import ResponseStreams
from gateway.upstream.sweeper import Sweeper


class Relay:
    """The joint of both sides: takes a request's exchange, returns Dinie's response."""

    def __init__(
        self,
        *,
        sweeper: Sweeper,
        streams: ResponseStreams,
        longest_stream: float,
        key_headers: Callable[[str], tuple[tuple[str, str], ...]],
        environment: str,
        clock: Callable[[], float],
    ) -> None:
        """Relay in one environment.

        Args:
            sweeper: Ends streams that take too long.
            streams: Relays large responses.
            longest_stream: s, from the start of the request.
            key_headers: Returns the headers that carry an idempotency key upstream.
            environment: Named in the head of a response.
            clock: Monotonic, s.
        """
        self._sweeper = sweeper
        self._streams = streams
        self._longest_stream = longest_stream
        self._key_headers = key_headers
        self._environment = environment
        self._clock = clock

    async def __call__(
        self, request: web.BaseRequest, send: Send
    ) -> web.StreamResponse:
        """Send the exchange and return Dinie's response.

        Args:
            request: Of the caller.
            send: The chain of stages on Dinie's side.

        Raises:
            GatewayError: there is no response to relay.
        """
        exchange = request[EXCHANGE]
        exchange.outbound = self._headers(exchange)
        response = await send(exchange)
        if response.body is not None:
            return relayed_whole(exchange, response)
        status, reason, headers = relayed_head(exchange, response)
        stream = web.StreamResponse(status=status, reason=reason, headers=headers)
        mark(
            stream.headers,
            exchange,
            echoed=exchange.echoed_id,
            environment=self._environment,
            took=self._clock() - exchange.started,
        )
        if request.version < HttpVersion11 and hdrs.CONTENT_LENGTH not in headers:
            stream.force_close()  # nothing else would say where it ends
        try:
            longest = exchange.started + self._longest_stream
            with self._sweeper.watch(longest) as watch:
                watch.peer = request  # a caller that leaves ends a stalled response
                return await self._streams.relay(request, exchange, response, stream)
        except TimeoutError:
            exchange.history.slug = "stream-cut"
            if request.transport is None:
                exchange.history.slug = "caller-gone"
            abort(request)
            return stream

    def _headers(self, exchange: Exchange) -> list[tuple[str, str]]:
        """Return the headers of each attempt; Host and a body's length are added."""
        headers = list(exchange.head.headers)
        control = exchange.head.control
        if exchange.own_bearer:
            headers.append(("Authorization", control["authorization"]))
        if exchange.upstream_key is not None:
            headers.extend(self._key_headers(exchange.upstream_key))
        if control.get("content-length") == "0":  # said, so it is passed on
            headers.append(("Content-Length", "0"))
        return headers
