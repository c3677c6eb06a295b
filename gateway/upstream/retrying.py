"""Repeats the gateway's own calls to Dinie: aiohttp-retry on the gateway's clock.

Requests of callers do not come here; `gateway.retry` has their loop. The library's list
of statuses and its switch for 5xx bypass the evaluate callback, so both are off: each
response is read whole and judged there. The library would sleep on the event loop's
clock and fixes a request's headers before the first attempt; here each attempt begins
with the wait that is due and with headers of its own.
Source: `docs/adr/0015-retry-loop.md`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from aiohttp import ClientError, ClientResponse, ClientSession
from aiohttp_retry import RetryClient, RetryOptionsBase
from yarl import URL

from gateway.core.backoff import full_jitter
from gateway.core.clock import Clock
from gateway.core.retry_after import retry_after

ATTEMPTS: Final = 4
LONGEST_WAIT: Final = 30.0  # s; a call is not repeated after a longer one
NETWORK_ERRORS: Final = (ClientError, OSError)  # time-outs are among the second
_BASE, _CAP = 1.0, 8.0  # s, of the backoff
_LARGEST: Final = 1024 * 1024  # bytes of a response

Headers = Mapping[str, str] | list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Received:
    """A response that was read to its end, or to the rules' limit."""

    status: int
    headers: Mapping[str, str]  # finds lower-case names
    content_type: str
    body: bytes
    retry_after: float | None  # s


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """When a call is repeated; such a call must be safe to send twice."""

    repeats: Callable[[Received], bool]  # whether a response calls for another attempt
    wait: Callable[[int, float | None], float]  # s; takes the number of the retry, from
    # 1, and what the response asked for
    attempts: int = ATTEMPTS
    exceptions: tuple[type[Exception], ...] = NETWORK_ERRORS  # others are raised
    largest: int = _LARGEST  # bytes of a response that are read


async def request(
    session: ClientSession,
    method: str,
    url: URL,
    *,
    rules: RetryRules,
    clock: Clock,
    headers: Callable[[], Awaitable[Headers]],
    **fields: Any,
) -> Received:
    """Send a request, again where the rules say so; return the last response.

    Args:
        session: Sends each attempt; its timeouts are those of one attempt.
        method: Of the request.
        url: Of the request; redirects are not followed.
        rules: When it is repeated.
        clock: Real or fake.
        headers: Called before each attempt, outside its timeouts; what it raises ends
            the call, unless the rules list it.
        fields: Further arguments of `ClientSession.request`.

    Raises:
        Exception: as the session and `headers` raise it in the last attempt.
    """
    call = _Call(session, rules, clock, headers)
    # All that the library asks of a session is `request`.
    client = RetryClient(cast("ClientSession", call), _NoLog(), call)
    async with client.request(method, url, allow_redirects=False, **fields) as response:
        # The library does not show the last attempt's response to the callback.
        return call.received or await _read(response, rules, clock)


def backoff(retry: int, asked: float | None, *, random: float) -> float:
    """Return the wait before a retry, s: what the response asked for goes first.

    Args:
        retry: Its number, from 1.
        asked: s; None: the response did not say, or there was none.
        random: From [0, 1).
    """
    if asked is not None:
        return asked
    return full_jitter(retry - 1, base=_BASE, cap=_CAP, random=random)


class _NoLog:
    """In place of the library's log, which repeats errors with addresses in them."""

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Write nothing."""

    warning = exception = debug


class _Call(RetryOptionsBase):
    """The attempts of one call, as the library wants its options and its session."""

    def __init__(
        self,
        session: ClientSession,
        rules: RetryRules,
        clock: Clock,
        headers: Callable[[], Awaitable[Headers]],
    ) -> None:
        super().__init__(
            attempts=rules.attempts,
            exceptions=rules.exceptions,
            retry_all_server_errors=False,
            evaluate_response_callback=self._accept,
        )
        self._session = session
        self._rules = rules
        self._clock = clock
        self._headers = headers
        self._wait = 0.0  # s, before the next attempt
        self.received: Received | None = None  # in this attempt

    async def request(
        self, method: str, url: URL, *, headers: Any, **fields: Any
    ) -> ClientResponse:
        """Make one attempt; the library brings no headers."""
        del headers
        if self._wait > 0:
            await self._clock.sleep(self._wait)
        self.received = None
        return await self._session.request(
            method, url, headers=await self._headers(), **fields
        )

    def get_timeout(
        self, attempt: int, response: ClientResponse | None = None
    ) -> float:
        """Note the wait before the next attempt; the library itself sleeps for none."""
        del response
        asked = None if self.received is None else self.received.retry_after
        self._wait = self._rules.wait(attempt, asked)
        return 0.0

    async def _accept(self, response: ClientResponse) -> bool:
        self.received = await _read(response, self._rules, self._clock)
        return not self._rules.repeats(self.received)


async def _read(response: ClientResponse, rules: RetryRules, clock: Clock) -> Received:
    """Read a response and give its connection back."""
    body = bytearray()
    try:
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) >= rules.largest:
                break
    finally:
        response.close()  # an unread rest would hold the connection; none: no effect
    return Received(
        response.status,
        response.headers,
        response.content_type,
        bytes(body[: rules.largest]),
        retry_after(response.headers, unix=clock.unix()),
    )
