"""Names the caller of a request by what the request shows. Pure.

A proof counts from anywhere: a token, a certificate, a service account. A name in a
header counts from this host only, where a process that can connect could do worse.
Where any caller has a proof, a request from elsewhere needs one.
Source: `docs/adr/0014-callers.md`.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from gateway.core.authorization import LOCAL_PREFIX
from gateway.core.secret import Secret
from gateway.identity.options import IdentityOptions

OTHER: Final = "other"
Tokens = Iterable[tuple[str, str]]  # a caller's name, and one of its tokens
LIFE: Final = 3600  # s that a local token is good for; SDKs keep a margin of 300 s
_SKEW: Final = 300.0  # s by which the clock of another gateway may be ahead
_LEAST: Final = 24  # characters of a caller's token; shorter ones can be guessed
_NONCE: Final = 16  # hexadecimal digits
_SIGNED: Final = 64


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows of its sender."""

    local: bool  # sent from this host
    bearer: str | None = None
    certificate: str | None = None  # verified
    named: str | None = None  # in a header: no proof


class Callers:
    """The callers of a configuration."""

    def __init__(self, options: IdentityOptions, *, service: str) -> None:
        """Prepare the look-ups.

        Args:
            options: The callers and their proofs.
            service: The caller of requests that name none.
        """
        self._service = service
        self.names = frozenset(one.name for one in options.callers)
        self._fields = {one.name: one.token for one in options.callers if one.token}
        self._subjects = {one.subject: one.name for one in options.callers}
        self._certificates = {one.certificate: one.name for one in options.callers}
        self.weights = {one.name: one.weight for one in options.callers}
        self.have_tokens = bool(self._fields)
        self.have_proofs = any(
            one.token or one.subject or one.certificate for one in options.callers
        )

    def tokens(self, fields: Mapping[str, Secret]) -> list[tuple[str, str]]:
        """Return the valid tokens, each with its caller.

        A field may hold several, separated by blanks: an old one and a new one.
        """
        return [
            (name, token)
            for name, field in self._fields.items()
            if (held := fields.get(field)) is not None
            for token in held.reveal().split()
            if _usable(token)
        ]

    def without_token(self, fields: Mapping[str, Secret]) -> list[tuple[str, str]]:
        """Return the callers whose configured token is missing, with its field."""
        having = {name for name, _ in self.tokens(fields)}
        return [one for one in self._fields.items() if one[0] not in having]

    def of_subject(self, subject: str) -> str | None:
        """Return the caller of a service account."""
        return self._subjects.get(subject)

    def of_certificate(self, name: str | None) -> str | None:
        """Return the caller of a client certificate."""
        return None if name is None else self._certificates.get(name)

    def by_name(self, named: str | None) -> str:
        """Return the caller by the name that it gives, which is no proof."""
        if named is None:
            return self._service or OTHER
        known = named in self.names or (named == self._service and named)
        return named if known else OTHER


def _usable(token: str) -> bool:
    return token.startswith(LOCAL_PREFIX) and len(token) >= _LEAST and token.isascii()


def whose(bearer: str, tokens: Tokens) -> str | None:
    """Return whose token it is; compares all of them, each in constant time."""
    found = None
    for name, token in tokens:
        if hmac.compare_digest(token.encode(), bearer.encode()):
            found = name
    return found


def bind(token: str, *, until: float, nonce: str) -> str:
    """Return a bearer that stands for a caller's token.

    Any gateway that knows the token can verify it, and none remembers it.

    Args:
        token: Of the caller.
        until: s since 1970; its end.
        nonce: Hexadecimal digits.
    """
    body = f"{int(until):x}.{nonce[:_NONCE]}"
    return f"{LOCAL_PREFIX}{body}.{_seal(token, body)}"


def bound_to(bearer: str, tokens: Tokens, *, now: float) -> str | None:
    """Return the caller to which a bearer is bound; None: to none, or it has expired.

    Args:
        bearer: As shown.
        tokens: Of all callers.
        now: s since 1970.
    """
    body, _, seal = bearer.removeprefix(LOCAL_PREFIX).rpartition(".")
    moment, _, nonce = body.partition(".")
    if len(seal) != _SIGNED or len(nonce) != _NONCE or not seal.isascii():
        return None
    found = None
    for name, token in tokens:
        if hmac.compare_digest(_seal(token, body), seal):
            found = name
    try:
        left = int(moment, 16) - now
    except ValueError:
        return None
    # A clock that was far ahead must not have bound it for longer.
    return found if 0 <= left <= LIFE + _SKEW else None


def _seal(token: str, body: str) -> str:
    return hmac.new(token.encode(), body.encode(), sha256).hexdigest()
