"""Names the records of keys, and the keys that Dinie sees, by caller. Pure.

Where keys belong to a caller, a record's name is the caller and its key with a blank
between them. No key has a blank, so no caller can name another's record.
Source: `docs/adr/0014-callers.md`.
"""

from typing import Final

from gateway.idempotency.options import IdempotencyOptions
from gateway.idempotency.policy import is_generated, key_upstream

_BETWEEN: Final = " "


class Scope:
    """Names records by caller, or by key alone."""

    def __init__(
        self, options: IdempotencyOptions, *, by_caller: bool, shared: bool
    ) -> None:
        """Set whose keys are the same key.

        Args:
            options: Of the configuration.
            by_caller: Whether a key belongs to its caller; False: to the whole gateway.
            shared: Whether several callers are configured.
        """
        self._options = options
        self.by_caller = by_caller
        self._shared = shared

    def names(self, caller: str, key: str) -> tuple[str, ...]:
        """Return the names that a key's record may have, today's first.

        The other name is from before a change of the scope: a POST that may have taken
        effect must be repeated under the key that Dinie saw then.
        """
        if is_generated(key) or not (self.by_caller or self._shared):
            return (key,)
        of_caller = f"{caller}{_BETWEEN}{key}"
        return (of_caller, key) if self.by_caller else (key, of_caller)

    def upstream(self, name: str) -> str:
        """Return the key as Dinie sees it, from a record's name."""
        caller, key = parts(name)
        return key_upstream(self._options, key, caller=caller)


def parts(name: str) -> tuple[str, str]:
    """Return the caller and the key of a record's name; no caller: an empty one."""
    caller, _, key = name.rpartition(_BETWEEN)
    return caller, key


def shown(name: str) -> str:
    """Return a record's name for people to read."""
    caller, key = parts(name)
    return f"{caller}:{key}" if caller else key
