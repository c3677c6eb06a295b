"""Issues and checks access tokens, session codes and session tokens."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import orjson

from gateway.core.clock import Clock
from gateway.simulator.api.credentials import Credentials
from gateway.simulator.fields import TEXT, check
from gateway.simulator.ids import Ids
from gateway.simulator.options import SimulatorOptions
from gateway.simulator.response import Refusal, Reply, ok

SESSION_LIFE: Final = 1800.0  # s in which a bootstrap code is good


@dataclass(slots=True)
class _Issued:
    """A token and what it may do."""

    expires_at: float  # s, monotonic
    expired: bool = False
    customer_id: str | None = None  # set: a session token of that customer


@dataclass(slots=True)
class _Code:
    """A bootstrap code that was not used yet."""

    customer_id: str
    expires_at: float  # s, monotonic


class Tokens:
    """Partner tokens, and session tokens of customers."""

    def __init__(
        self, options: SimulatorOptions, clock: Clock, ids: Ids, known: Credentials
    ) -> None:
        self._options = options
        self._clock = clock
        self._ids = ids
        self._known = known
        self._issued: dict[str, _Issued] = {}
        self._codes: dict[str, _Code] = {}
        self.minted = 0

    def mint(self, headers: dict[str, str], body: bytes) -> Reply:
        """Answer `POST /auth/token`, in either dialect.

        Raises:
            Refusal: 400 or 401.
        """
        self._known.check(*_credentials(headers, body))
        if self._options.single_token:
            self.expire_all()
        self.minted += 1
        return ok(self._issue("dinie_at_"))

    def expire_all(self) -> None:
        """Let every token of now be answered with `token_expired`."""
        for issued in self._issued.values():
            issued.expired = True

    def revoke_all(self) -> None:
        """Let every token of now be answered with `invalid_token`."""
        self._issued.clear()

    def expire(self, authorization: str | None) -> None:
        """Let one token be answered with `token_expired` from now on."""
        issued = self._issued.get(_bearer(authorization))
        if issued is not None:
            issued.expired = True

    def check(self, authorization: str | None) -> str | None:
        """Return the customer of a session token; None for a partner's token.

        Raises:
            Refusal: 401, with the code that Dinie documents.
        """
        token = _bearer(authorization)
        if not token:
            raise Refusal(401, "missing_token", "send Authorization: Bearer")
        issued = self._issued.get(token)
        if issued is None:
            raise Refusal(401, "invalid_token", "the token is not known")
        if issued.expired or self._clock.now() >= issued.expires_at:
            raise Refusal(401, "token_expired", "the token has expired")
        return issued.customer_id

    def bootstrap(self, customer_id: str) -> str:
        """Return a single-use code for a customer's session.

        Raises:
            Refusal: 409 while an earlier code is still good.
        """
        now = self._clock.now()
        for waiting in self._codes.values():
            if waiting.customer_id == customer_id and now < waiting.expires_at:
                raise Refusal(409, "session_already_active", "one session at a time")
        code = "dinie_bsc_test_" + self._ids.text(16)
        self._codes[code] = _Code(customer_id, now + SESSION_LIFE)
        return code

    def exchange(self, content: dict[str, Any]) -> Reply:
        """Answer `POST /biometrics/session-exchange`."""
        check(content, code=TEXT)
        code = self._codes.pop(content.get("code") or "", None)
        if code is None or self._clock.now() >= code.expires_at:
            raise Refusal(403, "forbidden", "the code is unknown or was used")
        token = self._issue("dinie_st_", code.customer_id)
        return ok({**token, "customer_id": code.customer_id})

    def _issue(self, prefix: str, customer_id: str | None = None) -> dict[str, Any]:
        token = prefix + self._ids.text(40)
        ttl = self._options.token_ttl
        self._issued[token] = _Issued(self._clock.now() + ttl, customer_id=customer_id)
        return {"access_token": token, "token_type": "bearer", "expires_in": int(ttl)}


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _credentials(headers: dict[str, str], body: bytes) -> tuple[str, str]:
    """Return client id and secret of a token request.

    Raises:
        Refusal: 400, also for another grant than the only one there is.
    """
    fields = _fields(headers.get("content-type", ""), body)
    if fields.get("grant_type") != "client_credentials":
        raise Refusal(400, "unsupported_grant_type", "client_credentials only")
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Refusal(400, "malformed_body", "the Basic value is odd") from error
        client_id, _, secret = pair.partition(":")
        return unquote(client_id), unquote(secret)
    sent, its_secret = fields.get("client_id"), fields.get("client_secret")
    if not isinstance(sent, str) or not isinstance(its_secret, str):
        raise Refusal(400, "malformed_body", "no credentials were sent")
    return sent, its_secret


def _fields(content_type: str, body: bytes) -> dict[str, Any]:
    try:
        if "json" not in content_type:
            return {name: values[0] for name, values in parse_qs(body.decode()).items()}
        fields = orjson.loads(body)
    except (orjson.JSONDecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, "malformed_body", "neither form nor JSON") from error
    if not isinstance(fields, dict):
        raise Refusal(400, "malformed_body", "the body is no object")
    return fields
