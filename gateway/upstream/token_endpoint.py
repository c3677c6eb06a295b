"""Gets access tokens from Dinie's token endpoint (OAuth 2.0 client credentials)."""

import base64
import ssl
from collections.abc import Callable
from typing import Any, Final, Literal, Protocol
from urllib.parse import quote

import orjson
from aiohttp import (
    ClientConnectorCertificateError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from yarl import URL

from gateway.core.clock import Clock, SystemClock
from gateway.core.dinie_routes import TOKEN_PATH
from gateway.core.errors import CredentialsUnavailable, UpstreamAuthFailed
from gateway.credentials.policy import Grant, Refused, Transient, read_grant
from gateway.credentials.ports import Credential
from gateway.upstream.resolver import Resolver
from gateway.upstream.retrying import (
    LONGEST_WAIT,
    NETWORK_ERRORS,
    Headers,
    Received,
    RetryRules,
    backoff,
    request,
)
from gateway.upstream.transport import trust

TIMEOUT: Final = 10.0  # s for one attempt
_LARGEST: Final = 64 * 1024  # bytes of a response that are read
_HEAD_LIMIT: Final = 16 * 1024  # bytes
_LONGEST_COOLDOWN: Final = 3600.0  # s; a longer Retry-After is cut to this
COOLDOWN: Final = "cooldown"  # not asked: a Retry-After is still running


def _ignore(event: str, **fields: Any) -> None:
    """Report nothing."""


class HttpTokenEndpoint:
    """`POST <base>/auth/token`, on a connection pool of its own."""

    def __init__(
        self,
        base_url: str,
        *,
        token_auth: Literal["basic", "json"],
        ssl_context: ssl.SSLContext | None,
        timeout: float = TIMEOUT,
        attempts: int = 1,
        random: Callable[[], float] = lambda: 1.0,
        clock: Clock | None = None,
        on_event: Callable[..., Any] = _ignore,
    ) -> None:
        """Open a connection pool; inside a running loop.

        Args:
            base_url: Of the upstream.
            token_auth: How the credential is sent.
            ssl_context: None: the system's trust.
            timeout: s for one attempt.
            attempts: Of one call. 1 where the caller has a schedule of its own: then a
                `Retry-After` is returned, and never slept here.
            random: Returns from [0, 1); for the waits between attempts.
            clock: Real or fake.
            on_event: Takes an event's name and safe fields, for the log.
        """
        self._clock = SystemClock() if clock is None else clock
        self._on_event = on_event
        self._assumed = False
        self._not_before = float("-inf")  # s, monotonic; by a Retry-After
        self._longest_wait = LONGEST_WAIT if attempts > 1 else 0.0
        self._rules = RetryRules(
            repeats=self._repeats,
            wait=lambda retry, asked: max(
                asked or 0.0, backoff(retry, None, random=random())
            ),
            attempts=attempts,
            largest=_LARGEST,
        )
        self._url = URL(base_url.rstrip("/") + TOKEN_PATH, encoded=True)
        self._token_auth = token_auth
        self._session = ClientSession(
            connector=TCPConnector(
                limit=2,
                ssl=ssl_context if ssl_context is not None else True,
                resolver=Resolver(),
                use_dns_cache=False,
            ),
            timeout=ClientTimeout(total=timeout, ceil_threshold=timeout + 1),
            cookie_jar=DummyCookieJar(),
            trust_env=False,
            max_line_size=_HEAD_LIMIT,
            max_field_size=_HEAD_LIMIT,
        )

    async def request_token(
        self, credential: Credential
    ) -> Grant | Refused | Transient:
        """Request a token; every failure is a value.

        While a `Retry-After` is running nothing is sent, whatever the credential.
        """
        if (left := self._not_before - self._clock.now()) > self._longest_wait:
            return Transient(COOLDOWN, left)
        if left > 0:
            await self._clock.sleep(left)
        try:
            headers, body = _token_request(credential, self._token_auth)
        except (UnicodeEncodeError, orjson.JSONEncodeError):
            # An environment variable may hold bytes that are not UTF-8.
            return Transient("credential_malformed")
        result = await self._send(headers, body)
        if isinstance(result, Grant) and result.assumed and not self._assumed:
            self._assumed = True
            self._on_event("token_life_assumed", seconds=result.expires_in)
        if isinstance(result, Transient) and result.retry_after is not None:
            self._not_before = self._clock.now() + result.retry_after
        return result

    async def _send(
        self, headers: dict[str, str], body: bytes
    ) -> Grant | Refused | Transient:
        async def same_headers() -> Headers:
            return headers

        try:
            return _result(
                await request(
                    self._session,
                    "POST",
                    self._url,
                    rules=self._rules,
                    clock=self._clock,
                    headers=same_headers,
                    data=body,
                )
            )
        except ClientConnectorCertificateError:
            return Transient("tls_invalid")
        except TimeoutError:
            return Transient("timeout")
        except NETWORK_ERRORS:
            return Transient("unreachable")

    def _repeats(self, received: Received) -> bool:
        result = _result(received)
        if not isinstance(result, Transient):
            return False
        return (result.retry_after or 0.0) <= self._longest_wait

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


def _result(received: Received) -> Grant | Refused | Transient:
    """Return what a response means; a `Retry-After` counts where there is no token."""
    result = read_grant(received.status, received.body)
    if not isinstance(result, Transient) or received.retry_after is None:
        return result
    # A Retry-After of days must not outlast the fault that it was given for.
    return Transient(result.reason, min(received.retry_after, _LONGEST_COOLDOWN))


def _token_request(
    credential: Credential, token_auth: Literal["basic", "json"]
) -> tuple[dict[str, str], bytes]:
    """Return headers and body in the configured dialect."""
    client_id, secret = credential.client_id.reveal(), credential.client_secret.reveal()
    if token_auth == "json":  # noqa: S105 - a dialect, no secret
        return {"Content-Type": "application/json", "Accept": "application/json"}, (
            orjson.dumps(
                {
                    "grant_type": "client_credentials",
                    "client_id": client_id,
                    "client_secret": secret,
                }
            )
        )
    # RFC 6749 2.3.1: both are form-encoded before they are joined by a colon.
    pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return {
        "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }, b"grant_type=client_credentials"


class _Upstream(Protocol):
    @property
    def base_url(self) -> str: ...
    @property
    def ca_file(self) -> str | None: ...
    @property
    def token_auth(self) -> Literal["basic", "json"]: ...


async def probe_token(upstream: _Upstream, secrets: Credential) -> None:
    """Request one token and discard it.

    Args:
        upstream: The upstream section of the configuration.
        secrets: The credential.

    Raises:
        UpstreamAuthFailed: the credential is refused.
        CredentialsUnavailable: no token for another reason.
    """
    endpoint = HttpTokenEndpoint(
        upstream.base_url,
        token_auth=upstream.token_auth,
        ssl_context=trust(upstream.ca_file),
    )
    try:
        result = await endpoint.request_token(secrets)
    finally:
        await endpoint.close()
    if isinstance(result, Refused):
        raise UpstreamAuthFailed(
            f"the token endpoint answered {result.status}: it refuses the credential"
        )
    if isinstance(result, Transient):
        raise CredentialsUnavailable(
            f"the token endpoint gave none: {result.reason}",
            retry_after=result.retry_after,
        )
