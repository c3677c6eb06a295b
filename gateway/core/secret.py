"""Holds a secret so that printing it by accident shows nothing. Pure."""

from typing import Final

MASK: Final = "[redacted]"


class Secret:
    """A secret text. It prints as a mask; `reveal` alone returns the text."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Hold a text."""
        self._value = value

    def reveal(self) -> str:
        """Return the text; for adapters that are about to send it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> str:
        # A pickled or copied secret would leave the process unmasked.
        raise TypeError("a Secret cannot be serialised")
