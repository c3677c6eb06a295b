"""Ports of the token source: a credential, an endpoint, an observer."""

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
        """Return an id that changes when, and only when, the credential does."""


class CredentialSource(Protocol):
    """Holds the credential in force."""

    @property
    def current(self) -> Credential | None:
        """Return the credential; None: none could be read yet."""

    async def refresh(self, reason: str) -> bool:
        """Read it again now; return whether its version changed."""

    def add_listener(self, callback: Callable[[], None]) -> None:
        """Register a callback for each change."""


class TokenEndpoint(Protocol):
    """Dinie's token endpoint."""

    async def request_token(
        self, credential: Credential
    ) -> Grant | Refused | Transient:
        """Request a token; every failure is a value, never an exception."""


class Observer(Protocol):
    """Counts token requests."""

    def token(self, reason: str, result: str) -> None:
        """Count one request. Reasons and results are from closed sets."""
