"""Which credentials and tokens does the simulated Dinie accept?"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from gateway.clock import Clock
from gateway.simulator.answer import Answer, Refusal, ok
from gateway.simulator.ids import Ids
from gateway.simulator.options import SimulatorOptions


@dataclass(slots=True)
class _Issued:
    """A token and what it may do."""

    expires_at: float  # s, monotonic
    expired: bool = False
    customer_id: str | None = None  # set: a session token of that customer


class Tokens:
    """Credentials, partner tokens, and session tokens of customers."""

    def __init__(self, options: SimulatorOptions, clock: Clock, ids: Ids) -> None:
        self._options = options
        self._clock = clock
        self._ids = ids
        self._issued: dict[str, _Issued] = {}
        self._codes: dict[str, str] = {}  # bootstrap code -> customer
        self.secrets = {options.client_id: options.client_secret}
        self.credentials: dict[str, dict[str, Any]] = {
            options.client_id: {
                "id": options.client_id,
                "client_id": options.client_id,
                "name": "simulator",
                "status": "active",
                "expires_at": None,
                "last_used_at": None,
            }
        }
        self.minted = 0

    def mint(self, headers: dict[str, str], body: bytes) -> Answer:
        """Answer `POST /auth/token`, in either dialect."""
        client_id, secret = _credentials(headers, body)
        known = self.secrets.get(client_id)
        if known is None or known != secret:
            raise Refusal(401, "invalid_client", "unknown client or wrong secret")
        if self.credentials[client_id]["status"] != "active":
            raise Refusal(401, "invalid_client", "the credential is revoked")
        self.credentials[client_id]["last_used_at"] = int(self._clock.unix())
        if self._options.single_token:
            self.expire_all()
        self.minted += 1
        token = "dinie_at_" + self._ids.text(40)
        self._issued[token] = _Issued(self._clock.now() + self._options.token_ttl)
        return ok(
            {
                "access_token": token,
                "token_type": "bearer",
                "expires_in": int(self._options.token_ttl),
            }
        )

    def expire_all(self) -> None:
        """Let every token of now answer `token_expired`."""
        for issued in self._issued.values():
            issued.expired = True

    def expire(self, authorization: str | None) -> None:
        """Let one token answer `token_expired` from now on."""
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
        """Return a single-use code for a customer's session."""
        code = "dinie_bsc_test_" + self._ids.text(16)
        self._codes[code] = customer_id
        return code

    def exchange(self, content: dict[str, Any]) -> Answer:
        """Answer `POST /biometrics/session-exchange`."""
        customer_id = self._codes.pop(str(content.get("code")), None)
        if customer_id is None:
            raise Refusal(403, "forbidden", "the code is unknown or was used")
        token = "dinie_st_" + self._ids.text(40)
        self._issued[token] = _Issued(
            self._clock.now() + self._options.token_ttl, customer_id=customer_id
        )
        return ok(
            {
                "access_token": token,
                "token_type": "bearer",
                "expires_in": int(self._options.token_ttl),
                "customer_id": customer_id,
            }
        )


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _credentials(headers: dict[str, str], body: bytes) -> tuple[str, str]:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Refusal(400, "malformed_body", "the Basic value is odd") from error
        client_id, _, secret = pair.partition(":")
        return unquote(client_id), unquote(secret)
    try:
        if "json" in headers.get("content-type", ""):
            fields = orjson.loads(body)
            return str(fields["client_id"]), str(fields["client_secret"])
        form = parse_qs(body.decode())
        return form["client_id"][0], form["client_secret"][0]
    except (orjson.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise Refusal(400, "malformed_body", "no credentials were sent") from error
