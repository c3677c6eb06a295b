"""How long is a token good, and what does the token endpoint's answer mean? Pure."""

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
REFUSED_GAP: Final = 60.0  # s between tries of a credential that was refused
RETRY_BASE: Final = 1.0  # s
RETRY_CAP: Final = 30.0  # s
_OK: Final = 200
_REFUSED: Final = frozenset({400, 401})
ASSUMED_LIFE: Final = 300.0  # s; RFC 6749 5.1 only recommends to tell `expires_in`
_LONGEST_LIFE: Final = 86_400.0  # s; a longer one is renewed once a day
_SOONEST: Final = 0.5  # s between two renewals, however short a life is
_NUMBER: Final = re.compile(r"[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Token:
    """An access token of Dinie. Moments are monotonic where not named otherwise."""

    value: Secret
    header: str  # "Bearer ...", made once
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
    """A token as the endpoint gave it."""

    access_token: Secret
    expires_in: float  # s
    assumed: bool = False  # whether the endpoint did not tell `expires_in`


@dataclass(frozen=True, slots=True)
class Refused:
    """The endpoint does not accept the credential."""

    status: int


@dataclass(frozen=True, slots=True)
class Transient:
    """No token this time; the reason is from a closed set."""

    reason: str
    retry_after: float | None = None  # s; what the endpoint asked for, if it did


def read_grant(status: int, body: bytes) -> Grant | Refused | Transient:
    """Return what the token endpoint's answer means; never raises.

    An empty or malformed 200 is transient: a token endpoint behind a failing cache
    or gateway gives those, and the credential is not to blame.
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
    token, told = fields.get("access_token"), fields.get("expires_in")
    life = ASSUMED_LIFE if told is None else _life(told)
    if not isinstance(token, str) or not _sendable(token) or life is None:
        return None
    return Grant(Secret(token), life, assumed=told is None)


def _sendable(token: str) -> bool:
    """Return whether a token can stand in a header as it is (RFC 6750: b64token)."""
    return (
        0 < len(token) <= 8192  # noqa: PLR2004
        and token.isascii()
        and token.isprintable()
        and " " not in token
    )


def _life(value: object) -> float | None:
    """Return the life that was told, at most a day, s; None: it is no number above 0.

    A longer one is not a fault: a token that ends sooner is renewed after its 401.
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
    """Return the token of a grant; its life counts from the moment it was asked for."""
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
    """Return the wait after so many failed renewals in a row (from 1), s."""
    return full_jitter(failures - 1, base=RETRY_BASE, cap=RETRY_CAP, random=random)


def classify_bearer(authorization: str | None) -> str:
    """Return `own` for a caller's bearer that passes untouched, else `replace`.

    Absent, local (`gw_...`), Basic and unknown schemes are all replaced: only a bearer
    of Dinie's own (a customer's session token) has business upstream.
    """
    if authorization is None:
        return "replace"
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or value.startswith(LOCAL_PREFIX):
        return "replace"
    found = pieces(value)
    # One that was written wrongly is still a secret, and none of Dinie's.
    ours = not found or any(piece.startswith(LOCAL_PREFIX) for piece in found)
    return "replace" if ours else "own"
