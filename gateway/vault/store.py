"""Where does a rotation write? To the secret that gateways read, and one beside it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NoReturn, TypeVar

from gateway.rotation.ports import Conflict, StepFailed
from gateway.secret import Secret
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault.client import VaultClient
from gateway.vault.login import Tokens

STATE_SUFFIX: Final = "-rotation"
T = TypeVar("T")


class VaultStore:
    """Two secrets of a KV v2 mount, each written by check-and-set."""

    def __init__(
        self, client: VaultClient, tokens: Tokens, *, mount: str, path: str
    ) -> None:
        """Wire the store; `path` is the secret that gateways read."""
        self._client = client
        self._tokens = tokens
        self._mount = mount
        self._path = path
        self._secret: tuple[dict[str, Any], int] = {}, 0
        self._state_version = 0

    async def secret(self) -> Mapping[str, Secret]:
        """Return the fields that gateways read; empty: nothing is there.

        Raises:
            StepFailed: Vault does not give them.
        """
        self._secret = await self._ask(
            lambda token: self._client.read_all(token, self._mount, self._path)
        )
        return _texts(self._secret[0])

    async def change(
        self,
        fields: Mapping[str, Secret | None],
        *,
        expect: Mapping[str, Secret | None],
    ) -> None:
        """Set or remove fields, if the expected ones hold what they should.

        Raises:
            Conflict: they do not, or somebody wrote in between.
            StepFailed: Vault does not take it.
        """
        held = await self.secret()
        if any(held.get(name) != value for name, value in expect.items()):
            raise Conflict("the secret is not what it was")
        data, version = self._secret
        changed = {name: value for name, value in data.items() if name not in fields}
        changed |= {k: v.reveal() for k, v in fields.items() if v is not None}
        await self._ask(
            lambda token: self._client.write(
                token, self._mount, self._path, changed, cas=version
            )
        )

    async def state(self) -> Mapping[str, Secret]:
        """Return the rotation's own fields; empty: there was never one.

        Raises:
            StepFailed: Vault does not give them.
        """
        data, self._state_version = await self._ask(
            lambda token: self._client.read_all(
                token, self._mount, self._path + STATE_SUFFIX
            )
        )
        return _texts(data)

    async def write_state(self, fields: Mapping[str, Secret]) -> None:
        """Replace the rotation's own fields.

        Raises:
            Conflict: somebody wrote in between.
            StepFailed: Vault does not take it.
        """
        data = {name: value.reveal() for name, value in fields.items()}
        version = self._state_version
        self._state_version = await self._ask(
            lambda token: self._client.write(
                token, self._mount, self._path + STATE_SUFFIX, data, cas=version
            )
        )

    def close(self) -> None:
        """Let the threads end."""
        self._client.close()

    async def _ask(self, ask: Callable[[Secret], Awaitable[T]]) -> T:
        try:
            token = await self._tokens.get()
            try:
                return await ask(token)
            except SecretsUnavailable as error:
                fresh = None
                if error.reason == "permission":
                    fresh = await self._tokens.replace()
                if fresh is None:
                    raise
            return await ask(fresh)
        except SecretsUnavailable as error:
            _fail(error)


def _fail(error: SecretsUnavailable) -> NoReturn:
    if error.reason == "conflict":
        raise Conflict(error.detail) from None
    raise StepFailed(error.detail) from None


def _texts(data: Mapping[str, Any]) -> dict[str, Secret]:
    return {
        name: Secret(value.strip())
        for name, value in data.items()
        if isinstance(value, str)
    }
