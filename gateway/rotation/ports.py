"""Ports of a rotation: its store, and Dinie's credentials API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.core.secret import Secret
from gateway.rotation.policy import ListedCredential


@dataclass(frozen=True, slots=True)
class Pair:
    """A client id and its secret; implements `Credential`, which has a version."""

    client_id: Secret
    client_secret: Secret
    version: str = "rotation"


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A webhook secret that Dinie has just created."""

    secret: Secret
    old_until: float  # Unix, s; until then Dinie signs with the one before, too


@dataclass(frozen=True, slots=True)
class Created:
    """A credential that Dinie has just created; moments are Unix, s."""

    pair: Pair
    created: float | None
    expires: float | None


class StepFailed(Exception):  # noqa: N818 - named for what happened
    """A step failed; the text is safe and says what to do."""


class CredentialRefused(StepFailed):
    """Dinie refuses a credential; another may work."""


class EndpointUnknown(StepFailed):
    """Dinie does not know a webhook endpoint."""


class Conflict(Exception):  # noqa: N818 - named for what happened
    """Another writer changed the secret since it was read."""


class LockLost(Conflict):
    """Another run has the lock, and continues the rotation."""


class Fields(dict[str, Secret]):
    """The fields of one version of a secret.

    Attributes:
        version: Its number; 0: there was none.
        created: Unix, s, by the store's clock; when it was written; None: unknown.
        gone: `deleted` or `destroyed`, where the newest version is; else None.
    """

    def __init__(
        self,
        fields: Mapping[str, Secret],
        *,
        version: int,
        created: float | None = None,
        gone: str | None = None,
    ) -> None:
        super().__init__(fields)
        self.version = version
        self.created = created
        self.gone = gone


class Store(Protocol):
    """Two secrets in Vault: the one that gateways read, and the rotation's own."""

    async def secret(self) -> Fields:
        """Return the fields that gateways read."""

    async def change(
        self, fields: Mapping[str, Secret | None], *, since: Fields
    ) -> None:
        """Set fields of it, unless it was written since it was read.

        Args:
            fields: By name; None removes one. Without any, the same content is written
                as another version, so that a run that read it before cannot write.
            since: The secret as it was read.

        Raises:
            Conflict: it was written.
        """

    async def state(self) -> Fields:
        """Return the fields of the rotation's own secret; empty: never written."""

    async def write_state(self, fields: Mapping[str, Secret], *, since: int) -> int:
        """Replace them by check-and-set; return their next version.

        Args:
            fields: All of the state.
            since: The version that they replace.

        Raises:
            Conflict: there is a newer one.
        """


class Dinie(Protocol):
    """Dinie's credentials API.

    All raise `StepFailed` where a call fails, and `CredentialRefused` where Dinie
    refuses the credential that it is made with.
    """

    async def create(self, by: Pair, *, name: str, key: str) -> Created:
        """Create a credential; the same key gives the same one again for a day.

        Args:
            by: The credential that asks.
            name: The new one's, in Dinie's list.
            key: Idempotency key.
        """

    async def credentials(self, by: Pair) -> Sequence[ListedCredential]:
        """Return all credentials, never a part of the list."""

    async def prove(self, pair: Pair) -> None:
        """Get a new token with a credential and make a call with it."""

    async def endpoints(self, by: Pair) -> Sequence[str]:
        """Return the ids of all webhook endpoints."""

    async def rotate_webhook(self, by: Pair, endpoint: str, *, key: str) -> NewSecret:
        """Have an endpoint's secret replaced; the same key gives the same one again.

        Args:
            by: The credential that asks.
            endpoint: Id of the webhook endpoint.
            key: Idempotency key.
        """

    async def revoke(self, by: Pair, client_id: str) -> None:
        """Revoke a credential; one that Dinie does not find is no failure.

        Only the list shows whether it is revoked.
        """
