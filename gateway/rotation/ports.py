"""What does a rotation need: a place to write things down, and Dinie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.core.secret import Secret
from gateway.rotation.policy import ListedCredential


@dataclass(frozen=True, slots=True)
class Pair:
    """A client id and its secret, with the version that token endpoints ask for."""

    client_id: Secret
    client_secret: Secret
    version: str = "rotation"


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A webhook secret that Dinie has just made."""

    secret: Secret
    old_until: float  # Unix, s; until then Dinie signs with the one before, too


@dataclass(frozen=True, slots=True)
class Created:
    """A credential that Dinie has just made; moments are Unix, s."""

    pair: Pair
    created: float | None
    expires: float | None


class StepFailed(Exception):  # noqa: N818 - named for what happened
    """A step did not work; the text is safe and says what to do."""


class CredentialRefused(StepFailed):
    """Dinie does not take a credential; another may work."""


class EndpointUnknown(StepFailed):
    """Dinie does not know a webhook endpoint."""


class Conflict(Exception):  # noqa: N818 - named for what happened
    """Somebody else wrote in between."""


class LockLost(Conflict):
    """Somebody else goes on with the rotation."""


class Fields(dict[str, Secret]):
    """A secret as it was at one moment.

    Attributes:
        version: What it was then; 0: nothing was there.
        created: Unix, s, by the store's clock: when it was written; None: unknown.
        gone: Where its newest version is `deleted` or `destroyed`, which of the two.
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
        """Set or remove (None) fields of it, if nobody wrote since it was read.

        Without any fields it writes what is there: whoever read it before cannot
        write any more.

        Raises:
            Conflict: somebody wrote.
        """

    async def state(self) -> Fields:
        """Return the fields of the rotation's own secret; empty: never written."""

    async def write_state(self, fields: Mapping[str, Secret], *, since: int) -> int:
        """Replace them, if they are of a version yet; return the next one.

        Raises:
            Conflict: somebody wrote.
        """


class Dinie(Protocol):
    """Dinie's credentials API.

    All raise `StepFailed` where Dinie does not do what is asked, and
    `CredentialRefused` where that is for the credential it is asked by.
    """

    async def create(self, by: Pair, *, name: str, key: str) -> Created:
        """Create a credential; the same key gives the same one again for a day."""

    async def credentials(self, by: Pair) -> Sequence[ListedCredential]:
        """Return all credentials: the whole list, or a failure."""

    async def prove(self, pair: Pair) -> None:
        """Mint a token with a credential and make a call with it."""

    async def endpoints(self, by: Pair) -> Sequence[str]:
        """Return the ids of all webhook endpoints."""

    async def rotate_webhook(self, by: Pair, endpoint: str, *, key: str) -> NewSecret:
        """Have an endpoint's secret replaced; the same key gives the same one again."""

    async def revoke(self, by: Pair, client_id: str) -> None:
        """Revoke a credential; one that Dinie does not find is no failure here.

        Whether it is gone, the list tells.
        """
