"""Calls Dinie with tokens of one credential or another, again where that is safe.

The gateway's own requests take their token from `TokenSource`; a rotation calls Dinie
with two credentials beside each other, each with a token of its own.
"""

import re
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import orjson
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from gateway.core.clock import Clock
from gateway.core.secret import Secret
from gateway.credentials.policy import Grant, Refused
from gateway.rotation.ports import CredentialRefused, Pair, StepFailed
from gateway.upstream.retrying import (
    LONGEST_WAIT,
    NETWORK_ERRORS,
    Headers,
    Received,
    RetryRules,
    backoff,
    request,
)
from gateway.upstream.token_endpoint import HttpTokenEndpoint

PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]+")
_TIMEOUT: Final = 15.0  # s for one attempt
_OK, _UNAUTHORIZED = 200, 401
_REPEATED: Final = frozenset({429, 500, 502, 503, 504})
_PAGES: Final = 100  # of a list; a cursor that leads in circles ends here


class AuthorizedCalls:
    """JSON requests to Dinie by a credential; a token is kept until a 401."""

    def __init__(
        self,
        base_url: str,
        endpoint: HttpTokenEndpoint,
        *,
        ssl_context: ssl.SSLContext | None,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        """Open a connection pool; inside a running loop.

        Args:
            base_url: Of the upstream.
            endpoint: Issues the tokens; closed with this.
            ssl_context: None: the system's trust.
            clock: Real or fake.
            random: Returns from [0, 1).
        """
        self._base = base_url.rstrip("/")
        self._endpoint = endpoint
        self._clock = clock
        self._random = random
        self._bearers: dict[Pair, Secret] = {}
        self._session = ClientSession(
            connector=TCPConnector(
                ssl=ssl_context if ssl_context is not None else True
            ),
            timeout=ClientTimeout(total=_TIMEOUT),
            cookie_jar=DummyCookieJar(),
            trust_env=False,
        )

    async def call(
        self,
        by: Pair,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> tuple[int, dict[str, Any]]:
        """Send a request that is safe to repeat.

        Args:
            by: The credential.
            method: Of the request.
            path: Below the base URL, with its query.
            body: JSON, with a `Content-Type` among the headers.
            headers: Beside `Authorization`.

        Returns:
            The status and the JSON object of the last response; status 0: none came
            with the last attempt. An empty object stands for any other content.

        Raises:
            CredentialRefused: the token endpoint refuses the credential.
            StepFailed: it issues no token.
        """

        async def with_bearer() -> Headers:
            bearer = await self._bearer(by)
            return [("Authorization", f"Bearer {bearer.reveal()}"), *headers]

        try:
            received = await request(
                self._session,
                method,
                URL(self._base + path, encoded=True),
                rules=RetryRules(repeats=partial(self._repeats, by), wait=self._wait),
                clock=self._clock,
                headers=with_bearer,
                data=body,
            )
        except NETWORK_ERRORS:
            # An earlier attempt's response says nothing once a later one is lost.
            return 0, {}
        self._repeats(by, received)  # the last one's 401 ends its token, too
        return received.status, _object(received.body)

    async def pages(self, by: Pair, route: str) -> list[dict[str, Any]]:
        """Return the objects of a list, from all of its pages.

        Args:
            by: The credential.
            route: Path of the list.

        Raises:
            StepFailed: Dinie does not give the whole list.
        """
        found: list[dict[str, Any]] = []
        path = f"{route}?limit=100"
        for _ in range(_PAGES):
            status, page = await self.call(by, "GET", path)
            data = page.get("data")
            if status != _OK or not isinstance(data, list):
                raise StepFailed(unexpected(f"GET {route}", status))
            found += [one for one in data if isinstance(one, dict)]
            if not page.get("has_more"):
                return found
            last = found[-1] if found else {}
            after = str(last.get("id") or last.get("client_id") or "")
            if not PLAIN_ID.fullmatch(after):
                break
            path = f"{route}?limit=100&starting_after={after}"
        # A part must not pass for the whole: what it lacks would be taken for revoked.
        raise StepFailed(f"Dinie does not list all of {route}.")

    def forget_token(self, by: Pair) -> None:
        """Have the next call of a credential begin with a new token."""
        self._bearers.pop(by, None)

    async def close(self) -> None:
        """Close the connections, those of the token endpoint too."""
        await self._session.close()
        await self._endpoint.close()

    def _repeats(self, by: Pair, received: Received) -> bool:
        """Return whether another attempt may go better; drop a token with a 401."""
        if received.status == _UNAUTHORIZED:
            self.forget_token(by)
        elif received.status not in _REPEATED:
            return False
        # Earlier than asked it would be refused again.
        return (received.retry_after or 0.0) <= LONGEST_WAIT

    def _wait(self, retry: int, asked: float | None) -> float:
        return backoff(retry, asked, random=self._random())

    async def _bearer(self, by: Pair) -> Secret:
        held = self._bearers.get(by)
        if held is not None:
            return held
        result = await self._endpoint.request_token(by)
        if isinstance(result, Grant):
            self._bearers[by] = result.access_token
            return result.access_token
        if isinstance(result, Refused):
            raise CredentialRefused("Dinie's token endpoint refuses the credential.")
        if (wait := result.retry_after or 0.0) > LONGEST_WAIT:
            raise StepFailed(
                f"Dinie's token endpoint asks to wait {wait:.0f} s: try again then."
            )
        raise StepFailed("Dinie's token endpoint gives no answer: try again later.")


def _object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; an empty one for everything else."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}


def unexpected(call: str, status: int) -> str:
    """Return the text of a failure after a response that is not what was asked for.

    Args:
        call: Method and route.
        status: Of the response; 0: there was none.
    """
    if not status:
        return f"Dinie gave no answer to {call}: try again later."
    if status in _REPEATED:
        return f"Dinie answered {call} with {status} again and again: try again later."
    if status < 300:  # noqa: PLR2004 - the page of a proxy in between, or half a list
        return f"Dinie answered {call} with {status}, but with another content."
    return f"Dinie answered {call} with {status}."
