"""What does a rotation need: a place to write things down, and Dinie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.rotation.policy import Known
from gateway.secret import Secret


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


class Conflict(Exception):  # noqa: N818 - named for what happened
    """Somebody else wrote in between."""


class LockLost(Conflict):
    """Somebody else goes on with the rotation."""


class Store(Protocol):
    """Two secrets in Vault: the one that gateways read, and the rotation's own.

    Every write checks that nobody wrote since the last read of the same secret.
    """

    async def secret(self) -> Mapping[str, Secret]:
        """Return the fields that gateways read."""

    async def change(
        self,
        fields: Mapping[str, Secret | None],
        *,
        expect: Mapping[str, Secret | None],
    ) -> None:
        """Set or remove (None) fields of it, if those expected hold what they should.

        A field that is expected to be None must not be there.

        Raises:
            Conflict: they do not, or somebody wrote in between.
        """

    async def state(self) -> Mapping[str, Secret]:
        """Return the fields of the rotation's own secret; empty: never written."""

    async def write_state(self, fields: Mapping[str, Secret]) -> None:
        """Replace them.

        Raises:
            Conflict: somebody wrote in between.
        """


class Dinie(Protocol):
    """Dinie's credentials API.

    All raise `StepFailed` where Dinie does not do what is asked, and
    `CredentialRefused` where that is for the credential it is asked by.
    """

    async def create(self, by: Pair, *, name: str, key: str) -> Created:
        """Create a credential; the same key gives the same one again for a day."""

    async def credentials(self, by: Pair) -> Sequence[Known]:
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
