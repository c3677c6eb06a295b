"""Generates keys from randomness that is fetched in bulk."""

import os
from typing import Final

from gateway.idempotency.policy import generated_key

_POOL: Final = 4096  # bytes of randomness fetched at once
_KEY_BYTES: Final = 16


class KeyGenerator:
    """Makes keys that cannot collide, without a system call for each."""

    def __init__(self) -> None:
        self._pool = b""
        self._position = _POOL

    def new(self) -> str:
        """Return a new key."""
        if self._position >= _POOL:
            self._pool = os.urandom(_POOL)
            self._position = 0
        self._position += _KEY_BYTES
        return generated_key(self._pool[self._position - _KEY_BYTES : self._position])
