"""The store of a rotation: the gateways' secret, and its state beside it."""

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
        """Send nothing yet.

        Args:
            client: Makes the calls; closed with this.
            tokens: Of Vault.
            mount: Of the KV v2 engine.
            path: The secret that gateways read.
        """
        self._client = client
        self._tokens = tokens
        self._mount = mount
        self._path = path

    async def secret(self) -> Fields:
        """Return the fields that gateways read; empty: there are none yet.

        Raises:
            StepFailed: Vault does not return them.
        """
        held = await self._read()
        return Fields(_texts(held.data), version=held.version)

    async def change(
        self, fields: Mapping[str, Secret | None], *, since: Fields
    ) -> None:
        """Set or remove fields, unless the secret was written since it was read.

        Args:
            fields: By name; None removes one.
            since: The secret as it was read.

        Raises:
            Conflict: it was written.
            StepFailed: Vault does not take it.
        """
        # Read again for fields that are no texts, which stay as they are.
        held = await self._read()
        if held.version != since.version:
            raise Conflict("the secret is not what it was")
        changed = {k: value for k, value in held.data.items() if k not in fields}
        changed |= {k: v.reveal() for k, v in fields.items() if v is not None}
        await self._send(
            lambda token: self._client.write(
                token, self._mount, self._path, changed, cas=held.version
            )
        )

    async def state(self) -> Fields:
        """Return the rotation's state; empty: there was never one.

        Raises:
            StepFailed: Vault does not return them.
        """
        held = await self._read(STATE_SUFFIX)
        return Fields(
            _texts(held.data),
            version=held.version,
            created=held.created,
            gone=held.gone,
        )

    async def write_state(self, fields: Mapping[str, Secret], *, since: int) -> int:
        """Replace the rotation's state by check-and-set; return its next version.

        Args:
            fields: All of the state.
            since: The version that they replace.

        Raises:
            Conflict: there is a newer one.
            StepFailed: Vault does not take it.
        """
        data = {name: value.reveal() for name, value in fields.items()}
        return await self._send(
            lambda token: self._client.write(
                token, self._mount, self._path + STATE_SUFFIX, data, cas=since
            )
        )

    def close(self) -> None:
        """End the threads."""
        self._client.close()

    async def _read(self, suffix: str = "") -> SecretVersion:
        path = self._path + suffix
        return await self._send(
            lambda token: self._client.read_all(token, self._mount, path)
        )

    async def _send(self, call: Callable[[Secret], Awaitable[T]]) -> T:
        try:
            token = await self._tokens.get()
            try:
                return await call(token)
            except SecretsUnavailable as error:
                fresh = None
                if error.reason == "permission":
                    fresh = await self._tokens.replace()
                if fresh is None:
                    raise
            return await call(fresh)
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
