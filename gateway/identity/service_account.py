"""Verifies projected Kubernetes service-account tokens by the cluster's keys.

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
_CACHED: Final = 4096  # tokens that were verified
_CACHED_FOR: Final = 60.0  # s; a token is valid for an hour, its bearer may not be
_RECHECK: Final = 5.0  # s between checks whether the file has changed
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
        """Read nothing yet: the file is read for the first token, and when it changes.

        Args:
            jwks_file: The cluster's keys.
            issuer: Of the tokens.
            audience: That tokens must be for.
            clock: Real or fake.
            on_event: Called with an event's name and safe fields, for the log.
        """
        self._on_event = on_event
        self._bad = False
        self._path = Path(jwks_file)
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._keys: jwt.PyJWKSet | None = None
        self._seen: tuple[float, int] | None = None
        self._recheck_at = float("-inf")
        # The subject, and the end of the token, s since 1970.
        self._known: TTLCache[bytes, tuple[str, float]] = TTLCache(
            _CACHED, _CACHED_FOR, clock.now
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
        """Return whether a token claims our issuer; see `Subjects`."""
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
                f"the service-account token is not valid: {type(error).__name__}"
            ) from None

    def _set(self) -> jwt.PyJWKSet:
        """Return the keys; those from before where the file cannot be read."""
        now = self._clock.now()
        if now >= self._recheck_at:
            self._recheck_at = now + _RECHECK
            try:
                about = self._path.stat()
                seen = about.st_mtime, about.st_ino
                if seen != self._seen:
                    self._keys = jwt.PyJWKSet.from_json(self._path.read_text("utf-8"))
                    self._seen = seen
                    self._bad = False
            except (OSError, ValueError, AttributeError, TypeError, jwt.PyJWTError):
                self._seen = None
                if not self._bad:  # logged once, not with each check
                    self._bad = True
                    self._on_event("caller_keys_refused", file=str(self._path))
        if self._keys is None:
            raise Untrusted("identity.jwks_file cannot be read")
        return self._keys
