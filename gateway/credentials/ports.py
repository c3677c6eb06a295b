"""What does a token need from outside: a credential, an endpoint, an observer?"""

from collections.abc import Callable
from typing import Protocol

from gateway.core.secret import Secret
from gateway.credentials.policy import Grant, Refused, Transient


class Credential(Protocol):
    """A client credential and the version of the secret it came from."""

    @property
    def client_id(self) -> Secret:
        """Return the client id."""

    @property
    def client_secret(self) -> Secret:
        """Return the client secret."""

    @property
    def version(self) -> str:
        """Return what changes when, and only when, the credential does."""


class CredentialSource(Protocol):
    """Holds the newest credential that was read."""

    @property
    def current(self) -> Credential | None:
        """Return it; None while none could be read."""

    async def refresh(self, reason: str) -> bool:
        """Read it again now; return whether the version changed."""

    def add_listener(self, callback: Callable[[], None]) -> None:
        """Call back after each change."""


class TokenEndpoint(Protocol):
    """Dinie's token endpoint."""

    async def request_token(
        self, credential: Credential
    ) -> Grant | Refused | Transient:
        """Ask for a token; every failure is a value, never an exception."""


class Observer(Protocol):
    """Hears how renewals went."""

    def token(self, reason: str, result: str) -> None:
        """Note one try. Reasons and results are from closed sets."""
