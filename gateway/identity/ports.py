"""The verifier of service-account tokens, without the library that it needs.

The library takes long to import, and is loaded only where callers use such tokens.
"""

from typing import Protocol


class Untrusted(Exception):  # noqa: N818 - named for what happened
    """A token claims our issuer and is not valid; the text is safe to show."""


class Subjects(Protocol):
    """Verifies projected service-account tokens."""

    def subject(self, bearer: str) -> str | None:
        """Return the subject of a token; None: of another issuer, or no JWT.

        Raises:
            Untrusted: it claims our issuer and is not valid.
        """

    def is_ours(self, bearer: str) -> bool:
        """Return whether a token claims our issuer; it may be forged."""
