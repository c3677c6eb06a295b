"""Dinie's credentials API, for whoever rotates a credential."""

import re
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import orjson
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar
from aiohttp import TCPConnector as Connector
from yarl import URL

from gateway.core.clock import Clock
from gateway.core.secret import Secret
from gateway.core.timestamps import unix_of
from gateway.credentials.policy import Grant, Refused
from gateway.idempotency.options import IdempotencyOptions
from gateway.idempotency.policy import upstream_headers
from gateway.rotation.policy import ListedCredential
from gateway.rotation.ports import (
    Created,
    CredentialRefused,
    EndpointUnknown,
    NewSecret,
    Pair,
    StepFailed,
)
from gateway.upstream.credential_record import listed_credential
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

_TIMEOUT: Final = 15.0  # s for one attempt
_OVERLAP: Final = 86_400  # s; the longest for which Dinie signs with both
_ROTATE_PATHS: Final = ("secret/rotate", "rotate-secret")
_UNAUTHORIZED: Final = 401
_PAGES: Final = 100  # of a list; a cursor that leads in circles ends here
_REPEATED: Final = frozenset({429, 500, 502, 503, 504})
_REVOKED: Final = frozenset({200, 204, 404})  # a 404: let the list tell
_REFUSALS: Final = frozenset({401, 403})
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]+")


class CredentialsApi:
    """The calls of a rotation; each is repeated where that is safe."""

    def __init__(
        self,
        base_url: str,
        endpoint: HttpTokenEndpoint,
        *,
        ssl_context: ssl.SSLContext | None,
        idempotency: IdempotencyOptions,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        """Wire the client; inside a running loop.

        Args:
            base_url: Of the upstream.
            endpoint: Mints tokens there.
            ssl_context: None: the system's trust.
            idempotency: In which headers a key goes.
            clock: Real or fake.
            random: Returns from [0, 1).
        """
        self._base = base_url.rstrip("/")
        self._endpoint = endpoint
        self._idempotency = idempotency
        self._clock = clock
        self._random = random
        self._bearers: dict[Pair, Secret] = {}
        self._session = ClientSession(
            connector=Connector(ssl=ssl_context if ssl_context is not None else True),
            timeout=ClientTimeout(total=_TIMEOUT),
            cookie_jar=DummyCookieJar(),
            trust_env=False,
        )

    async def create(self, by: Pair, *, name: str, key: str) -> Created:
        """Create a credential; the same key gives the same one again for a day.

        Raises:
            StepFailed: Dinie refuses, or gives something else.
        """
        status, said = await self._call(
            by,
            "POST",
            "/auth/credentials",
            body=orjson.dumps({"name": name}),
            headers=self._keyed(key),
        )
        pair = said.get("client_id"), said.get("client_secret")
        if status not in {200, 201} or not all(isinstance(x, str) and x for x in pair):
            raise StepFailed(_unexpected("POST /auth/credentials", status))
        made = listed_credential(said)
        return Created(
            Pair(Secret(str(pair[0])), Secret(str(pair[1]))), made.created, made.expires
        )

    async def credentials(self, by: Pair) -> Sequence[ListedCredential]:
        """Return all credentials.

        Raises:
            StepFailed: Dinie does not list them.
        """
        return [
            listed_credential(one) for one in await self._list(by, "/auth/credentials")
        ]

    async def prove(self, pair: Pair) -> None:
        """Mint a token with a credential and make a call with it.

        Raises:
            CredentialRefused: Dinie does not take it.
            StepFailed: it does not work.
        """
        self._bearers.pop(pair, None)
        status, _ = await self._call(pair, "GET", "/banks")
        if status in _REFUSALS:
            raise CredentialRefused(_unexpected("GET /banks", status))
        if status != 200:  # noqa: PLR2004
            raise StepFailed(_unexpected("GET /banks", status))

    async def endpoints(self, by: Pair) -> Sequence[str]:
        """Return the ids of all webhook endpoints.

        Raises:
            StepFailed: Dinie does not list them.
        """
        return [
            str(one.get("id", ""))
            for one in await self._list(by, "/webhooks/endpoints")
        ]

    async def rotate_webhook(self, by: Pair, endpoint: str, *, key: str) -> NewSecret:
        """Have an endpoint's secret replaced; the same key gives the same one again.

        Raises:
            EndpointUnknown: Dinie has no such endpoint.
            StepFailed: Dinie does not do it.
        """
        if not _PLAIN_ID.fullmatch(endpoint):
            raise StepFailed("webhooks.endpoint_id is no plain word.")
        status = 404
        said: dict[str, Any] = {}
        for path in _ROTATE_PATHS:
            if status != 404:  # noqa: PLR2004 - the generations differ in this path
                break
            status, said = await self._call(
                by,
                "POST",
                f"/webhooks/endpoints/{endpoint}/{path}",
                body=orjson.dumps({"expire_current_in": _OVERLAP}),
                headers=self._keyed(key),
            )
        if status == 404:  # noqa: PLR2004
            raise EndpointUnknown("Dinie does not know the webhook endpoint.")
        secret = said.get("secret")
        if status not in {200, 201} or not isinstance(secret, str) or not secret:
            raise StepFailed(_unexpected("POST …/secret/rotate", status))
        ends = unix_of(said.get("previous_secret_expires_at"))
        until = self._clock.unix() + _OVERLAP if ends is None else ends
        return NewSecret(Secret(secret), until)

    async def revoke(self, by: Pair, client_id: str) -> None:
        """Revoke a credential; one that Dinie does not find is no failure here.

        Raises:
            StepFailed: Dinie does not revoke it.
        """
        if not _PLAIN_ID.fullmatch(client_id):
            raise StepFailed("A client id that is no plain word is not revoked.")
        status, _ = await self._call(by, "DELETE", f"/auth/credentials/{client_id}")
        if status not in _REVOKED:
            raise StepFailed(_unexpected("DELETE /auth/credentials/…", status))

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()
        await self._endpoint.close()

    def _keyed(self, key: str) -> tuple[tuple[str, str], ...]:
        return (
            ("Content-Type", "application/json"),
            *upstream_headers(self._idempotency, key),
        )

    async def _list(self, by: Pair, route: str) -> list[dict[str, Any]]:
        """Return all pages of a list."""
        found: list[dict[str, Any]] = []
        path = f"{route}?limit=100"
        for _ in range(_PAGES):
            status, said = await self._call(by, "GET", path)
            data = said.get("data")
            if status != 200 or not isinstance(data, list):  # noqa: PLR2004
                raise StepFailed(_unexpected(f"GET {route}", status))
            found += [one for one in data if isinstance(one, dict)]
            if not said.get("has_more"):
                return found
            last = found[-1] if found else {}
            after = str(last.get("id") or last.get("client_id") or "")
            if not _PLAIN_ID.fullmatch(after):
                break
            path = f"{route}?limit=100&starting_after={after}"
        # Half a list must not pass for the whole: what is not on it is taken as gone.
        raise StepFailed(f"Dinie does not list all of {route}.")

    async def _call(
        self,
        by: Pair,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> tuple[int, dict[str, Any]]:
        """Return status and JSON object of a response; 0: there was none."""

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
        self._repeats(by, received)
        return received.status, _object(received.body)

    def _repeats(self, by: Pair, received: Received) -> bool:
        """Return whether another attempt may go better; drop a token with a 401."""
        if received.status == _UNAUTHORIZED:
            self._bearers.pop(by, None)
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


def _unexpected(call: str, status: int) -> str:
    if not status:
        return f"Dinie gave no answer to {call}: try again later."
    if status in _REPEATED:
        return f"Dinie answered {call} with {status} again and again: try again later."
    if status < 300:  # noqa: PLR2004 - a page of something in between, or half a list
        return f"Dinie answered {call} with {status}, but with another content."
    return f"Dinie answered {call} with {status}."
