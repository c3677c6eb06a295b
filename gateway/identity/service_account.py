"""Projected Kubernetes service-account tokens, verified against the cluster's keys.

Source: RFC 7519, and the documentation of PyJWT.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import jwt
from cachetools import TTLCache

from gateway.core.clock import Clock
from gateway.identity.ports import Untrusted

_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "ES256", "ES384", "EdDSA")
_KEPT: Final = 4096  # tokens that were verified
_KEPT_FOR: Final = 60.0  # s; a token lives for an hour, its bearer may not
_LOOK: Final = 5.0  # s between looks whether the file is another one
_PARTS: Final = 3
_NEEDED: Final = ("exp", "iss", "aud", "sub")


def _ignore(event: str, **fields: Any) -> None:
    """Report nothing."""


class ProjectedTokens:
    """Implements `Subjects`."""

    def __init__(
        self,
        jwks_file: str,
        *,
        issuer: str,
        audience: str,
        clock: Clock,
        on_event: Callable[..., Any] = _ignore,
    ) -> None:
        """Read nothing yet: the file is read with the first token, and as it changes.

        Args:
            jwks_file: The cluster's keys.
            issuer: Of the tokens.
            audience: That tokens must be for.
            clock: Real or fake.
            on_event: Takes an event's name and safe fields, for the log.
        """
        self._on_event = on_event
        self._bad = False
        self._path = Path(jwks_file)
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._keys: jwt.PyJWKSet | None = None
        self._seen: tuple[float, int] | None = None
        self._look_at = float("-inf")
        # The subject, and until when the token itself is good, Unix, s.
        self._known: TTLCache[bytes, tuple[str, float]] = TTLCache(
            _KEPT, _KEPT_FOR, clock.now
        )

    def subject(self, bearer: str) -> str | None:
        """Return the subject of a token; see `Subjects`."""
        digest = sha256(bearer.encode()).digest()
        known = self._known.get(digest)
        if known is not None and self._clock.unix() < known[1]:
            return known[0]
        if not self.is_ours(bearer):
            return None
        verified = self._verified(bearer)
        found = str(verified["sub"])
        self._known[digest] = found, float(verified["exp"])
        return found

    def is_ours(self, bearer: str) -> bool:
        """Return whether it says that it is of our issuer; see `Subjects`."""
        if bearer.count(".") != _PARTS - 1:
            return False
        try:
            claimed = jwt.decode(bearer, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError):
            return False
        return bool(claimed.get("iss") == self._issuer)

    def _verified(self, bearer: str) -> dict[str, Any]:
        try:
            name = jwt.get_unverified_header(bearer).get("kid")
            key = next(one for one in self._set().keys if one.key_id == name)
            return jwt.decode(
                bearer,
                key.key,
                algorithms=list(_ALGORITHMS),
                audience=self._audience,
                issuer=self._issuer,
                options={"require": list(_NEEDED)},
            )
        except StopIteration:
            raise Untrusted("no key of identity.jwks_file signed the token") from None
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise Untrusted(
                f"the service-account token does not hold: {type(error).__name__}"
            ) from None

    def _set(self) -> jwt.PyJWKSet:
        """Return the keys; where the file cannot be read, those from before."""
        now = self._clock.now()
        if now >= self._look_at:
            self._look_at = now + _LOOK
            try:
                about = self._path.stat()
                seen = about.st_mtime, about.st_ino
                if seen != self._seen:
                    self._keys = jwt.PyJWKSet.from_json(self._path.read_text("utf-8"))
                    self._seen = seen
                    self._bad = False
            except (OSError, ValueError, AttributeError, TypeError, jwt.PyJWTError):
                self._seen = None
                if not self._bad:  # said once, not with each look
                    self._bad = True
                    self._on_event("caller_keys_refused", file=str(self._path))
        if self._keys is None:
            raise Untrusted("identity.jwks_file cannot be read")
        return self._keys
