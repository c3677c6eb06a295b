"""What was worked out for a target, kept for the next request with the same one."""

from typing import TypeVar

MOST = 1024  # most traffic goes to a handful of targets
LONGEST = 256  # characters; 1024 targets of 16 KB would be felt
T = TypeVar("T")


class BoundedCache(dict[str, T]):
    """A dict that callers cannot fill up: `keep` instead of setting."""

    def keep(self, target: str, value: T) -> T:
        """Keep a value, unless its target is long; return it."""
        if len(target) <= LONGEST:
            if len(self) >= MOST:
                self.clear()
            self[target] = value
        return value
