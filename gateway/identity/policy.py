"""Names the caller of a request by what the request shows. Pure.

What proves itself counts anywhere: a certificate, a token. A mere name in a header
counts only from this host, where whoever can connect could do worse. Where any caller
has a proof, nobody else comes in from outside.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from gateway.core.secret import Secret
from gateway.identity.options import IdentityOptions

OTHER: Final = "other"
PREFIX: Final = "gw_"  # of every bearer that is the gateway's business
Tokens = Iterable[tuple[str, str]]  # a caller's name, and one of its tokens
LIFE: Final = 3600  # s that a bound token is good for
_SKEW: Final = 300.0  # s by which the clock of another gateway may be ahead
_LEAST: Final = 24  # characters of a caller's token; shorter ones can be guessed
_NONCE: Final = 16  # hexadecimal digits
_SIGNED: Final = 64


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows of who sends it."""

    local: bool  # from this host
    bearer: str | None = None
    certificate: str | None = None  # verified
    named: str | None = None  # in a header, by whoever wrote it


class Callers:
    """The callers of a configuration."""

    def __init__(self, options: IdentityOptions, *, service: str) -> None:
        """Wire them; `service` is who calls where nobody says anything."""
        self._service = service
        self.names = frozenset(one.name for one in options.callers)
        self._fields = {one.name: one.token for one in options.callers if one.token}
        self._subjects = {one.subject: one.name for one in options.callers}
        self._certificates = {one.certificate: one.name for one in options.callers}
        self.weights = {one.name: one.weight for one in options.callers}
        self.have_tokens = bool(self._fields)
        self.strict = any(
            one.token or one.subject or one.certificate for one in options.callers
        )

    def tokens(self, fields: Mapping[str, Secret]) -> list[tuple[str, str]]:
        """Return the callers' tokens that are good ones, each with its caller.

        A field may hold several, with blanks between them: the old and the new one.
        """
        return [
            (name, token)
            for name, field in self._fields.items()
            if (held := fields.get(field)) is not None
            for token in held.reveal().split()
            if _usable(token)
        ]

    def without_token(self, fields: Mapping[str, Secret]) -> list[tuple[str, str]]:
        """Return who has none although one is configured, each with its field."""
        having = {name for name, _ in self.tokens(fields)}
        return [one for one in self._fields.items() if one[0] not in having]

    def of_subject(self, subject: str) -> str | None:
        """Return whose service account it is."""
        return self._subjects.get(subject)

    def of_certificate(self, name: str | None) -> str | None:
        """Return whose certificate it is."""
        return None if name is None else self._certificates.get(name)

    def said(self, named: str | None) -> str:
        """Return who it is by its own word, which is taken from this host only."""
        if named is None:
            return self._service or OTHER
        known = named in self.names or (named == self._service and named)
        return named if known else OTHER


def _usable(token: str) -> bool:
    return token.startswith(PREFIX) and len(token) >= _LEAST and token.isascii()


def whose(bearer: str, tokens: Tokens) -> str | None:
    """Return whose token it is; takes as long whichever it is, or if it is none."""
    found = None
    for name, token in tokens:
        if hmac.compare_digest(token.encode(), bearer.encode()):
            found = name
    return found


def bind(token: str, *, until: float, nonce: str) -> str:
    """Return a bearer that stands for a caller's token until a moment, Unix, s.

    Any gateway that knows the token can tell whose it is, without remembering it.
    """
    body = f"{int(until):x}.{nonce[:_NONCE]}"
    return f"{PREFIX}{body}.{_seal(token, body)}"


def bound_to(bearer: str, tokens: Tokens, *, now: float) -> str | None:
    """Return to whom a bearer was bound; None: to nobody, or it has run out."""
    body, _, seal = bearer.removeprefix(PREFIX).rpartition(".")
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
    # Bound by a clock that was far ahead, it would be good for as long.
    return found if 0 <= left <= LIFE + _SKEW else None


def _seal(token: str, body: str) -> str:
    return hmac.new(token.encode(), body.encode(), sha256).hexdigest()
