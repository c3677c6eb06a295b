"""What telling callers apart needs of other rooms."""

from typing import Protocol


class Untrusted(Exception):  # noqa: N818 - named for what happened
    """A token claims to be of our issuer and is not good; the text is safe."""


class Subjects(Protocol):
    """Verifies projected service-account tokens."""

    def subject(self, bearer: str) -> str | None:
        """Return the subject of a token; None: it is of another issuer, or no JWT.

        Raises:
            Untrusted: it claims to be of ours, and does not hold.
        """

    def is_ours(self, bearer: str) -> bool:
        """Return whether a token says that it is of our issuer; it may be forged."""


class Issued(Protocol):
    """Knows the tokens that the gateway gave out itself."""

    def holder(self, token: str, *, local: bool, certified: str | None) -> str | None:
        """Return whose token it is; None: nobody's who may show it so.

        Args:
            token: As shown.
            local: Whether it is shown on this host.
            certified: Whose certificate is shown beside it.
        """

    def is_like(self, token: str) -> bool:
        """Return whether it has the form of those; it may have run out."""
