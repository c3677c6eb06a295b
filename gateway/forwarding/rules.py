"""Matches paths that something is granted to, such as a larger body. Pure."""

from collections.abc import Sequence

from gateway.forwarding.policy import matches


class Rules:
    """Patterns whose `*` is one segment, prepared once."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """Prepare the patterns: case and a trailing slash make no difference."""
        plain = [pattern.rstrip("/").lower() for pattern in patterns]
        self._exact = frozenset(rule for rule in plain if "*" not in rule)
        self._globs = tuple(rule for rule in plain if "*" in rule)

    def __call__(self, path: str) -> bool:
        """Return whether a plain path (decoded, lower case) matches."""
        return path in self._exact or any(matches(rule, path) for rule in self._globs)
