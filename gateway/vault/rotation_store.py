"""Stores what a rotation writes: the gateways' secret, and its own beside it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NoReturn, TypeVar

from gateway.core.secret import Secret
from gateway.rotation.ports import Conflict, Fields, StepFailed
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault.client import VaultClient
from gateway.vault.responses import SecretVersion
from gateway.vault.token_lease import TokenLease

STATE_SUFFIX: Final = "-rotation"
T = TypeVar("T")


class VaultStore:
    """Two secrets of a KV v2 mount, each written by check-and-set."""

    def __init__(
        self, client: VaultClient, tokens: TokenLease, *, mount: str, path: str
    ) -> None:
        """Wire the store; `path` is the secret that gateways read."""
        self._client = client
        self._tokens = tokens
        self._mount = mount
        self._path = path

    async def secret(self) -> Fields:
        """Return the fields that gateways read; empty: nothing is there.

        Raises:
            StepFailed: Vault does not give them.
        """
        held = await self._read()
        return Fields(_texts(held.data), version=held.version)

    async def change(
        self, fields: Mapping[str, Secret | None], *, since: Fields
    ) -> None:
        """Set or remove fields, if nobody wrote since they were read.

        Raises:
            Conflict: somebody wrote.
            StepFailed: Vault does not take it.
        """
        # Read again for what is no text, which stays as it is.
        held = await self._read()
        if held.version != since.version:
            raise Conflict("the secret is not what it was")
        changed = {k: value for k, value in held.data.items() if k not in fields}
        changed |= {k: v.reveal() for k, v in fields.items() if v is not None}
        await self._ask(
            lambda token: self._client.write(
                token, self._mount, self._path, changed, cas=held.version
            )
        )

    async def state(self) -> Fields:
        """Return the rotation's own fields; empty: there was never one.

        Raises:
            StepFailed: Vault does not give them.
        """
        held = await self._read(STATE_SUFFIX)
        return Fields(
            _texts(held.data),
            version=held.version,
            created=held.created,
            gone=held.gone,
        )

    async def write_state(self, fields: Mapping[str, Secret], *, since: int) -> int:
        """Replace the rotation's own fields, if they are of a version yet.

        Raises:
            Conflict: somebody wrote.
            StepFailed: Vault does not take it.
        """
        data = {name: value.reveal() for name, value in fields.items()}
        return await self._ask(
            lambda token: self._client.write(
                token, self._mount, self._path + STATE_SUFFIX, data, cas=since
            )
        )

    def close(self) -> None:
        """Let the threads end."""
        self._client.close()

    async def _read(self, suffix: str = "") -> SecretVersion:
        path = self._path + suffix
        return await self._ask(
            lambda token: self._client.read_all(token, self._mount, path)
        )

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
