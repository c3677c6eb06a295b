"""Which of a list of path patterns does a path fit?"""

from collections.abc import Sequence

from gateway.forwarding.policy import below, matches


class Rules:
    """Patterns whose `*` is one segment, prepared once."""

    def __init__(self, patterns: Sequence[str], *, below: bool = False) -> None:
        """Prepare the patterns; `below`: what lies under one fits too."""
        plain = [pattern.rstrip("/").lower() for pattern in patterns]
        self._below = below
        self._exact = frozenset(rule for rule in plain if "*" not in rule)
        self._under = tuple(rule + "/" for rule in self._exact) if below else ()
        self._globs = tuple(rule for rule in plain if "*" in rule)

    def __call__(self, path: str) -> bool:
        """Return whether a plain path (decoded, lower case) fits."""
        if path in self._exact or path.startswith(self._under):
            return True
        fits = below if self._below else matches
        return any(fits(rule, path) for rule in self._globs)
