"""Issues the local tokens that SDKs ask for, and remembers whose they are.

Official SDKs ask for a token before their first call. The gateway gives them an opaque
one of its own; Dinie's token never leaves the gateway.
Source: `docs/adr/0014-callers.md`.
"""

import base64
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs, unquote

import orjson
from cachetools import FIFOCache

from gateway.core.authorization import LOCAL_PREFIX
from gateway.core.clock import Clock
from gateway.core.errors import BadRequest
from gateway.identity.policy import LIFE

_MOST_TOKENS: Final = 10_000  # remembered at once
_MOST_FIELDS: Final = 20  # of a form
_FORM: Final = re.compile(LOCAL_PREFIX + r"[0-9a-f]{32}")


def local_grant(
    content_type: str,
    body: bytes,
    *,
    random_hex: Callable[[], str],
    bound: str | None = None,
) -> bytes:
    """Return the JSON response to `POST /auth/token`, in either dialect.

    Credentials are not checked here: the callers of a sidecar have dummies.

    Args:
        content_type: Of the request, lower case.
        body: Of the request.
        random_hex: Makes a new token's secret part.
        bound: The token of a caller that has shown its secret; None: a new one.

    Raises:
        BadRequest: the body names a grant type other than `client_credentials`.
    """
    grant = _grant_type(content_type, body)
    if grant is not None and grant != "client_credentials":
        raise BadRequest("grant_type must be client_credentials")
    return orjson.dumps(
        {
            "access_token": bound or LOCAL_PREFIX + random_hex(),
            "token_type": "bearer",
            "expires_in": LIFE,
        }
    )


def _grant_type(content_type: str, body: bytes) -> object:
    if "json" in content_type:
        try:
            fields = orjson.loads(body) if body else {}
        except orjson.JSONDecodeError as error:
            raise BadRequest("the body is no JSON") from error
        return fields.get("grant_type") if isinstance(fields, dict) else None
    try:
        form = parse_qs(body.decode("latin-1"), max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise BadRequest(f"the form has more than {_MOST_FIELDS} fields") from error
    return form.get("grant_type", [None])[0]


class IssuedTokens:
    """The tokens that were issued here for dummy secrets, and whose each is.

    A name that was accepted because its call came from this host is good on this host
    only, and so is its token. A token issued beside a client certificate is good beside
    that certificate.
    """

    def __init__(self, clock: Clock, *, most: int = _MOST_TOKENS) -> None:
        """Start empty.

        Args:
            clock: Real or fake.
            most: Tokens that are remembered; the oldest is dropped first.
        """
        self._clock = clock
        # Caller; whether issued on this host; its end on both clocks, s.
        self._issued: FIFOCache[str, tuple[str, bool, float, float]] = FIFOCache(most)

    def add(self, token: str, caller: str, *, local: bool) -> None:
        """Remember a new token.

        Args:
            token: As issued.
            caller: Whose it is.
            local: Whether it was issued on this host.
        """
        ends = self._clock.now() + LIFE, self._clock.unix() + LIFE
        self._issued[token] = caller, local, *ends

    def holder(self, token: str, *, local: bool, certified: str | None) -> str | None:
        """Return whose token it is; None: it is not known, or not good from there.

        Args:
            token: As shown.
            local: Whether it is shown on this host.
            certified: Whose certificate is shown beside it.
        """
        issued = self._issued.get(token)
        if issued is None:
            return None
        caller, issued_here, ends, ends_unix = issued
        # Either clock: one stops while the machine sleeps, the other may be set back.
        if self._clock.now() >= ends or self._clock.unix() >= ends_unix:
            del self._issued[token]
            return None
        return caller if (local and issued_here) or certified == caller else None

    @staticmethod
    def has_form(token: str) -> bool:
        """Return whether a text has the form of an issued token, known or not."""
        return _FORM.fullmatch(token) is not None


def client_secret(
    authorization: str | None, content_type: str, body: bytes
) -> str | None:
    """Return the secret that a token call shows, in either dialect; None: none.

    Args:
        authorization: The header; None: there is none.
        content_type: Of the request, lower case.
        body: Of the request.
    """
    scheme, _, value = (authorization or "").strip().partition(" ")
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(value.strip(), validate=True).decode()
        except ValueError:
            return None
        return unquote(decoded.partition(":")[2]) or None
    found: object = None
    try:
        if "json" in content_type:
            fields = orjson.loads(body) if body else {}
            found = fields.get("client_secret") if isinstance(fields, dict) else None
        else:
            form = parse_qs(body.decode("latin-1"), max_num_fields=_MOST_FIELDS)
            found = form.get("client_secret", [None])[0]
    except ValueError:
        return None
    return found if isinstance(found, str) else None
