"""Makes request ids, and digests of texts that callers chose."""

import hashlib
import os
import re
from typing import Final

_HEX: Final = re.compile(r"[0-9A-Fa-f-]{16,64}")
_ULID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}")
_LONGEST_ECHO: Final = 200  # characters of a caller's id that are echoed
_POOL: Final = 4096  # bytes of randomness fetched at once
_BYTES: Final = 16


class RequestIds:
    """Makes ids from a pool of random bytes, which saves a system call each."""

    def __init__(self) -> None:
        self._pool = ""
        self._position = 2 * _POOL

    def new(self) -> str:
        """Return a new id: 32 hexadecimal digits."""
        position = self._position
        if position >= 2 * _POOL:
            self._pool = os.urandom(_POOL).hex()
            position = 0
        self._position = position + 2 * _BYTES
        return self._pool[position : position + 2 * _BYTES]

    def accept(self, given: str | None) -> tuple[str, str]:
        """Return the id of a request, and the one to echo.

        A caller's id is used when it is 16 to 64 hexadecimal digits and hyphens, or a
        ULID. Any other could be a CPF: it is echoed, and its digest is the id.
        """
        if not given:  # an empty one would be that of many requests
            own = self.new()
            return own, own
        if _HEX.fullmatch(given) or _ULID.fullmatch(given):
            return given, given
        if not given.isascii() or not given.isprintable():
            own = self.new()
            return own, own
        return digest(given, 32), given[:_LONGEST_ECHO]


def digest(text: str, length: int = 12) -> str:
    """Return the first digits of a text's SHA-256, to stand for it in a log."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:length]
