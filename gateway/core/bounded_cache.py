"""Caches what was computed for a request target. Pure."""

from typing import Final, TypeVar

MOST: Final = 1024  # entries; most traffic goes to a handful of targets
LONGEST: Final = 256  # characters of a key; 1024 targets of 16 KB are too much
T = TypeVar("T")


class BoundedCache(dict[str, T]):
    """A dict that callers cannot fill: cleared when full, and long keys are not cached.

    Entries are added by `keep`, not by setting an item.
    """

    def keep(self, target: str, value: T) -> T:
        """Add a value, unless its target is too long; return the value."""
        if len(target) <= LONGEST:
            if len(self) >= MOST:
                self.clear()
            self[target] = value
        return value
