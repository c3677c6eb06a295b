"""The life of a token, and the meaning of a token endpoint's response. Pure.

Source: RFC 6749 5.1 and 5.2; `docs/adr/0007-token-and-secret-version.md`.
"""

import re
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import orjson

from gateway.core.authorization import LOCAL_PREFIX, pieces
from gateway.core.backoff import full_jitter
from gateway.core.secret import Secret

LEAST_LEFT: Final = 30.0  # s; a token with less is not sent,
LEAST_SHARE: Final = 0.1  # or with less than this share of its life, if that is less
RENEW_AT: Final = 0.8  # of its life, less up to
RENEW_SPREAD: Final = 0.05  # so that replicas do not renew together
FORCED_GAP: Final = 5.0  # s between renewals that a 401 forces
REFUSED_GAP: Final = 60.0  # s between requests with a refused credential
RETRY_BASE: Final = 1.0  # s
RETRY_CAP: Final = 30.0  # s
_OK: Final = 200
_REFUSED: Final = frozenset({400, 401})
ASSUMED_LIFE: Final = 300.0  # s; RFC 6749 5.1 only recommends `expires_in`
_LONGEST_LIFE: Final = 86_400.0  # s; a longer one is renewed once a day
_SOONEST: Final = 0.5  # s between two renewals, however short a life is
_NUMBER: Final = re.compile(r"[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Token:
    """An access token of Dinie. Moments are monotonic where not named otherwise."""

    value: Secret
    header: str  # "Bearer ...", built once
    expires_at: float
    usable_until: float
    usable_until_unix: float  # Dinie's clock goes on while this machine is suspended
    renew_at: float
    generation: int
    secret_version: str

    def is_usable(self, *, now: float, unix: float) -> bool:
        """Return whether it may be sent, by either clock."""
        return now < self.usable_until and unix < self.usable_until_unix

    def __repr__(self) -> str:
        return f"Token(generation={self.generation})"


@dataclass(frozen=True, slots=True)
class Grant:
    """A token as the endpoint issued it."""

    access_token: Secret
    expires_in: float  # s
    assumed: bool = False  # whether `expires_in` was absent


@dataclass(frozen=True, slots=True)
class Refused:
    """The endpoint does not accept the credential."""

    status: int


@dataclass(frozen=True, slots=True)
class Transient:
    """No token this time; another request may bring one."""

    reason: str  # from a closed set; a label of the metric
    retry_after: float | None = None  # s; as the endpoint asked


def read_grant(status: int, body: bytes) -> Grant | Refused | Transient:
    """Return the meaning of a response; never raises.

    An empty or malformed 200 is transient: a failing cache or gateway before the
    endpoint sends those, and the credential is not to blame.

    Args:
        status: Of the response.
        body: Of the response, of any content.
    """
    if status in _REFUSED:
        return Refused(status)
    if status != _OK:
        return Transient(f"status_{status // 100}xx")
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Transient("malformed")
    if not isinstance(fields, dict):
        return Transient("malformed")
    return _grant(fields) or Transient("malformed")


def _grant(fields: dict[str, Any]) -> Grant | None:
    token, expires_in = fields.get("access_token"), fields.get("expires_in")
    life = ASSUMED_LIFE if expires_in is None else _life(expires_in)
    if not isinstance(token, str) or not _sendable(token) or life is None:
        return None
    return Grant(Secret(token), life, assumed=expires_in is None)


def _sendable(token: str) -> bool:
    """Return whether a token fits a header as it is (RFC 6750: b64token)."""
    return (
        0 < len(token) <= 8192  # noqa: PLR2004
        and token.isascii()
        and token.isprintable()
        and " " not in token
    )


def _life(value: object) -> float | None:
    """Return a life, at most a day, s; None: it is no number above 0.

    One that is too long does no harm: a 401 refreshes a token that ends sooner.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return min(float(value), _LONGEST_LIFE) if value > 0 and isfinite(value) else None


def make_token(
    grant: Grant,
    *,
    asked_at: float,
    asked_unix: float,
    random: float,
    generation: int,
    secret_version: str,
) -> Token:
    """Return the token of a grant; its life counts from the request's sending.

    Args:
        grant: Of the endpoint.
        asked_at: s, monotonic; when the request was sent.
        asked_unix: s since 1970; the same moment.
        random: From [0, 1); spreads refreshes.
        generation: Counts tokens of this process.
        secret_version: Of the credential that got it.
    """
    life = grant.expires_in
    usable_for = life - min(LEAST_LEFT, LEAST_SHARE * life)
    return Token(
        value=grant.access_token,
        header=f"Bearer {grant.access_token.reveal()}",
        expires_at=asked_at + life,
        usable_until=asked_at + usable_for,
        usable_until_unix=asked_unix + usable_for,
        renew_at=asked_at + max(_SOONEST, life * (RENEW_AT - RENEW_SPREAD * random)),
        generation=generation,
        secret_version=secret_version,
    )


def retry_wait(failures: int, *, random: float) -> float:
    """Return the wait after `failures` failed refreshes in a row (from 1), s."""
    return full_jitter(failures - 1, base=RETRY_BASE, cap=RETRY_CAP, random=random)


def classify_bearer(authorization: str | None) -> str:
    """Return `own` for a caller's bearer that passes unchanged, else `replace`.

    An absent header, a local token (`gw_...`), Basic and unknown schemes are replaced:
    only a bearer that Dinie issued (a customer's session token) goes upstream.
    """
    if authorization is None:
        return "replace"
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or value.startswith(LOCAL_PREFIX):
        return "replace"
    found = pieces(value)
    # A local token in malformed syntax is still a secret, and none of Dinie's.
    ours = not found or any(piece.startswith(LOCAL_PREFIX) for piece in found)
    return "replace" if ours else "own"
