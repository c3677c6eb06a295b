"""Whose keys are the same key: names of records, and the keys that Dinie sees. Pure.

Where keys belong to a caller, a record's name is the caller and its key with a blank
between them. No key has a blank, so no caller can name another's record.
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
        """Prepare it.

        Args:
            options: Of the configuration.
            by_caller: False: a key is one for the whole gateway.
            shared: Whether callers are configured, or were.
        """
        self._options = options
        self.by_caller = by_caller
        self._shared = shared

    def names(self, caller: str, key: str) -> tuple[str, ...]:
        """Return the names that a key's record may have, today's first.

        The other one is from before the scope was changed: a POST that may have taken
        effect must be repeated under the key that Dinie saw then.
        """
        if is_generated(key) or not (self.by_caller or self._shared):
            return (key,)
        of_caller = f"{caller}{_BETWEEN}{key}"
        return (of_caller, key) if self.by_caller else (key, of_caller)

    def upstream(self, name: str) -> str:
        """Return the key as Dinie sees it, of a record's name."""
        caller, key = parts(name)
        return key_upstream(self._options, key, caller=caller)


def parts(name: str) -> tuple[str, str]:
    """Return caller and key of a record's name; the caller is empty without one."""
    caller, _, key = name.rpartition(_BETWEEN)
    return caller, key


def shown(name: str) -> str:
    """Return a record's name as people read it."""
    caller, key = parts(name)
    return f"{caller}:{key}" if caller else key
