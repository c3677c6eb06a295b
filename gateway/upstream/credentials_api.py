"""Dinie's credentials API and webhook endpoints, as a rotation uses them."""

import ssl
from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson

from gateway.core.clock import Clock
from gateway.core.secret import Secret
from gateway.core.timestamps import unix_of
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
from gateway.upstream.authorized_calls import PLAIN_ID, AuthorizedCalls, unexpected
from gateway.upstream.token_endpoint import HttpTokenEndpoint

_OVERLAP: Final = 86_400  # s; the longest for which Dinie signs with both
_ROTATE_PATHS: Final = ("secret/rotate", "rotate-secret")
_OK, _NOT_FOUND = 200, 404
_MADE: Final = frozenset({200, 201})
_REVOKED: Final = frozenset({200, 204, 404})  # whether a 404 is gone, the list says
_REFUSALS: Final = frozenset({401, 403})
_ENDED: Final = frozenset({"revoked", "expired"})


class CredentialsApi:
    """The calls of a rotation; implements its `Dinie` port."""

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
        """Open a connection pool; inside a running loop.

        Args:
            base_url: Of the upstream.
            endpoint: Issues tokens there; closed with this.
            ssl_context: None: the system's trust.
            idempotency: In which headers a key goes.
            clock: Real or fake.
            random: Returns from [0, 1).
        """
        self._idempotency = idempotency
        self._clock = clock
        self._calls = AuthorizedCalls(
            base_url, endpoint, ssl_context=ssl_context, clock=clock, random=random
        )

    async def create(self, by: Pair, *, name: str, key: str) -> Created:
        """Create a credential; the same key gives the same one again for a day.

        Args:
            by: The credential that asks.
            name: The new one's, in Dinie's list.
            key: Idempotency key.

        Raises:
            StepFailed: Dinie refuses, or gives something else.
        """
        status, fields = await self._calls.call(
            by,
            "POST",
            "/auth/credentials",
            body=orjson.dumps({"name": name}),
            headers=self._keyed(key),
        )
        pair = fields.get("client_id"), fields.get("client_secret")
        if status not in _MADE or not all(isinstance(x, str) and x for x in pair):
            raise StepFailed(unexpected("POST /auth/credentials", status))
        listed = listed_credential(fields)
        return Created(
            Pair(Secret(str(pair[0])), Secret(str(pair[1]))),
            listed.created,
            listed.expires,
        )

    async def credentials(self, by: Pair) -> Sequence[ListedCredential]:
        """Return all credentials.

        Raises:
            StepFailed: Dinie does not list them.
        """
        return [
            listed_credential(one)
            for one in await self._calls.pages(by, "/auth/credentials")
        ]

    async def prove(self, pair: Pair) -> None:
        """Get a new token with a credential and make a call with it.

        Raises:
            CredentialRefused: Dinie does not take it.
            StepFailed: it does not work.
        """
        self._calls.forget_token(pair)
        status, _ = await self._calls.call(pair, "GET", "/banks")
        if status in _REFUSALS:
            raise CredentialRefused(unexpected("GET /banks", status))
        if status != _OK:
            raise StepFailed(unexpected("GET /banks", status))

    async def endpoints(self, by: Pair) -> Sequence[str]:
        """Return the ids of all webhook endpoints.

        Raises:
            StepFailed: Dinie does not list them.
        """
        return [
            str(one.get("id", ""))
            for one in await self._calls.pages(by, "/webhooks/endpoints")
        ]

    async def rotate_webhook(self, by: Pair, endpoint: str, *, key: str) -> NewSecret:
        """Have an endpoint's secret replaced; the same key gives the same one again.

        Args:
            by: The credential that asks.
            endpoint: Id of the webhook endpoint.
            key: Idempotency key.

        Raises:
            EndpointUnknown: Dinie has no such endpoint.
            StepFailed: Dinie does not do it.
        """
        if not PLAIN_ID.fullmatch(endpoint):
            raise StepFailed("webhooks.endpoint_id is no plain word.")
        status = _NOT_FOUND
        fields: dict[str, Any] = {}
        for path in _ROTATE_PATHS:
            if status != _NOT_FOUND:  # the generations differ in this path
                break
            status, fields = await self._calls.call(
                by,
                "POST",
                f"/webhooks/endpoints/{endpoint}/{path}",
                body=orjson.dumps({"expire_current_in": _OVERLAP}),
                headers=self._keyed(key),
            )
        if status == _NOT_FOUND:
            raise EndpointUnknown("Dinie does not know the webhook endpoint.")
        secret = fields.get("secret")
        if status not in _MADE or not isinstance(secret, str) or not secret:
            raise StepFailed(unexpected("POST …/secret/rotate", status))
        ends = unix_of(fields.get("previous_secret_expires_at"))
        until = self._clock.unix() + _OVERLAP if ends is None else ends
        return NewSecret(Secret(secret), until)

    async def revoke(self, by: Pair, client_id: str) -> None:
        """Revoke a credential; one that Dinie does not find is no failure here.

        Raises:
            StepFailed: Dinie does not revoke it.
        """
        if not PLAIN_ID.fullmatch(client_id):
            raise StepFailed("A client id that is no plain word is not revoked.")
        status, _ = await self._calls.call(
            by, "DELETE", f"/auth/credentials/{client_id}"
        )
        if status not in _REVOKED:
            raise StepFailed(unexpected("DELETE /auth/credentials/…", status))

    async def close(self) -> None:
        """Close the connections."""
        await self._calls.close()

    def _keyed(self, key: str) -> tuple[tuple[str, str], ...]:
        return (
            ("Content-Type", "application/json"),
            *upstream_headers(self._idempotency, key),
        )


def listed_credential(entry: dict[str, Any]) -> ListedCredential:
    """Return a credential of a list, in either generation's names."""
    return ListedCredential(
        client_id=str(entry.get("client_id") or entry.get("id") or ""),
        name=str(entry.get("name") or ""),
        active=entry.get("status") not in _ENDED,
        created=unix_of(entry.get("created_at")),
        expires=unix_of(entry.get("expires_at")),
        last_used=unix_of(entry.get("last_used_at")),
    )
