"""The secrets provider for Vault, KV v2 and v1."""

import os
import random as randomness
from collections.abc import Callable, Mapping
from typing import Final

from gateway.core.clock import Clock, SystemClock
from gateway.core.secret import Secret
from gateway.secrets.ports import SecretSet, SecretsUnavailable, required
from gateway.secrets.version import version_of
from gateway.vault.auth_methods import build_login
from gateway.vault.client import TIMEOUT, VaultClient
from gateway.vault.options import VaultOptions
from gateway.vault.responses import Stamp
from gateway.vault.rotation_store import VaultStore
from gateway.vault.token_lease import TokenLease

_SOONEST: Final = 0.1  # s; lets a lease of one second be renewed without a busy loop


class VaultProvider:
    """Logs in, keeps its token alive, and reads the secret when its version changes."""

    name = "vault"

    def __init__(
        self,
        options: VaultOptions,
        *,
        environ: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        random: Callable[[], float] = randomness.random,
        timeout: float = TIMEOUT,
    ) -> None:
        """Send nothing yet.

        Args:
            options: Checked by the loader; `address` is set.
            environ: Where VAULT_TOKEN is looked for; by default the process's own.
            clock: Real or fake.
            random: Returns from [0, 1).
            timeout: s, for each call.
        """
        assert options.address is not None, "checked by the loader"  # noqa: S101
        self._options = options
        self._client = VaultClient(
            options.address,
            namespace=options.namespace,
            ca_file=options.ca_file,
            timeout=timeout,
            clock=clock,
            random=random,
        )
        self._tokens = TokenLease(
            build_login(
                options.auth,
                self._client,
                os.environ if environ is None else environ,
            ),
            self._client,
            now=(clock or SystemClock()).now,
            random=random,
        )
        self._held: tuple[SecretSet, Stamp] | None = None
        self._hidden_at: int | None = (
            None  # number of a login without access to metadata
        )

    @property
    def max_interval(self) -> float:
        """Return in how many s to read again, so that the token is renewed in time."""
        return max(_SOONEST, self._tokens.due_in)

    @property
    def expires_in(self) -> float | None:
        """Return in how many s the Vault token expires; None: it can be renewed."""
        return self._tokens.expires_in

    @property
    def warning(self) -> str | None:
        """Return why the Vault token could not be renewed, while it still works."""
        return self._tokens.warning

    async def read(self) -> SecretSet:
        """Return the secrets in Vault.

        Raises:
            SecretsUnavailable: with the full path and what to do about it.
        """
        token = await self._tokens.get()
        try:
            found = await self._read(token)
        except SecretsUnavailable as error:
            if error.reason != "permission":
                raise
            # Revoked or expired: one new login may help.
            fresh = await self._tokens.replace()
            if fresh is None:
                raise
            found = await self._read(fresh)
        self._tokens.worked()
        return found

    async def close(self) -> None:
        """End the threads."""
        self._client.close()

    async def _read(self, token: Secret) -> SecretSet:
        mount, path = self._options.kv_mount, self._options.path
        if self._options.kv_version == 1:
            fields = await self._client.read_unversioned(token, mount, path)
            return required(
                fields, where=f"Vault's {mount}/{path}", version=version_of(fields)
            )
        if self._held is not None and await self._unchanged(token, self._held[1]):
            return self._held[0]
        fields, stamp = await self._client.read(token, mount, path)
        found = required(
            fields,
            where=f"Vault's {mount}/data/{path}",
            version=f"{stamp.number}.{version_of(fields)}",
        )
        self._held = found, stamp
        return found

    async def _unchanged(self, token: Secret, known: Stamp) -> bool:
        """Return whether the metadata shows the known version; False: read the data."""
        if self._hidden_at == self._tokens.logins:
            return False
        try:
            newest = await self._client.newest_stamp(
                token, self._options.kv_mount, self._options.path
            )
        except SecretsUnavailable as error:
            if error.reason != "permission":
                raise
            # The policy grants only the data: read that each time.
            self._hidden_at = self._tokens.logins
            return False
        return newest == known


def open_store(options: VaultOptions, environ: Mapping[str, str]) -> VaultStore:
    """Return the store of a rotation, with a login of its own.

    Args:
        options: Checked by the loader; `address` is set.
        environ: Where VAULT_TOKEN is looked for.
    """
    assert options.address is not None, "checked by the loader"  # noqa: S101
    clock = SystemClock()
    client = VaultClient(
        options.address,
        namespace=options.namespace,
        ca_file=options.ca_file,
        clock=clock,
    )
    tokens = TokenLease(
        build_login(options.auth, client, environ),
        client,
        now=clock.now,
        random=randomness.random,
    )
    return VaultStore(client, tokens, mount=options.kv_mount, path=options.path)
