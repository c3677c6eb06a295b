"""What is sent to Dinie for an exchange, and what goes back?"""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import HttpVersion11, hdrs, web
from yarl import URL

from gateway.core.exchange import Exchange
from gateway.core.stage import EXCHANGE
from gateway.core.target_cache import Kept
from gateway.pipeline.order import Stages
from gateway.retry.stage import RetryStage
from gateway.server.responses import (
    abort,
    mark,
    relayed_head,
    relayed_whole,
)
from gateway.server.streaming import ResponseStreams
from gateway.upstream.client import Sender
from gateway.upstream.payload import SpilledBody
from gateway.upstream.sweeper import Sweeper


@dataclass(frozen=True, slots=True)
class Base:
    """Where the upstream is; a target is appended to `path`, never joined."""

    scheme: str
    authority: str  # as in a URL: brackets, punycode and all
    path: str

    @classmethod
    def of(cls, base_url: str) -> "Base":
        """Return the parts of a base URL that was checked by the configuration."""
        url = URL(base_url, encoded=True)
        assert url.host is not None, "the configuration guarantees a host"  # noqa: S101
        return cls(url.scheme, url.raw_authority, url.raw_path.rstrip("/"))

    def url(self, target: str) -> URL:
        """Return the URL of a raw target (path and query, checked before).

        The whole target goes in as the path, already encoded: taken apart, `/x?` would
        lose its question mark.
        """
        path = self.path + target
        if path[:1] != "/":  # the base itself, of an API that stands at the root
            path = "/" + path
        return URL.build(
            scheme=self.scheme, authority=self.authority, path=path, encoded=True
        )


class Forwarder:
    """The innermost handler: prepared once; attempts start from a pristine copy."""

    def __init__(
        self,
        base: Base,
        sender: Sender,
        *,
        stages: Stages,
        retry: RetryStage,
        sweeper: Sweeper,
        streams: ResponseStreams,
        longest_stream: float,
        key_headers: Callable[[str], tuple[tuple[str, str], ...]],
        environment: str,
        clock: Callable[[], float],
    ) -> None:
        """Wire the handler.

        Args:
            base: The upstream.
            sender: Its connections.
            stages: Their per-attempt part.
            retry: Drives the attempts.
            sweeper: Ends streams that take too long.
            streams: Send large responses on.
            longest_stream: s, from the start of the request.
            key_headers: Returns the headers that carry an idempotency key upstream.
            environment: Named in the answer.
            clock: Monotonic, s.
        """
        self._base = base
        self._sender = sender
        self._send = stages.attempt(sender.send)
        self._urls: Kept[URL] = Kept()
        self._retry = retry
        self._sweeper = sweeper
        self._streams = streams
        self._longest_stream = longest_stream
        self._key_headers = key_headers
        self._environment = environment
        self._clock = clock

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Send the exchange and return Dinie's answer.

        Raises:
            GatewayError: there is none to relay.
        """
        exchange = request[EXCHANGE]
        exchange.outbound = self._headers(exchange)
        response = await self._retry.run(
            exchange,
            self._sender,
            self._url(exchange.target),
            self._send,
            _payload(exchange),
        )
        if exchange.answer is not None:
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
                watch.peer = request  # a stalled answer must not wait for nobody
                return await self._streams.relay(request, exchange, response, stream)
        except TimeoutError:
            exchange.slug = "stream-cut"
            if request.transport is None:
                exchange.slug = "caller-gone"
            abort(request)
            return stream

    def _url(self, target: str) -> URL:
        """Return a target's URL; kept, since a URL keeps what the client works out."""
        url = self._urls.get(target)
        if url is None:
            url = self._urls.keep(target, self._base.url(target))
        return url

    def _headers(self, exchange: Exchange) -> list[tuple[str, str]]:
        """Return the headers of each attempt; Host and a body's length are added."""
        headers = list(exchange.headers)
        control = exchange.control
        if exchange.own_bearer:
            headers.append(("Authorization", control["authorization"]))
        if exchange.upstream_key is not None:
            headers.extend(self._key_headers(exchange.upstream_key))
        if control.get("content-length") == "0":  # said, so it is passed on
            headers.append(("Content-Length", "0"))
        return headers


def _payload(exchange: Exchange) -> bytes | SpilledBody | None:
    body = exchange.body
    if body.file is not None:
        return SpilledBody(body.file, body.size)
    return body.data or None
