"""The login methods of Vault: AppRole, JWT, or a ready token."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from gateway.core.secret import Secret
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault.client import VaultClient
from gateway.vault.options import VaultAuthOptions
from gateway.vault.responses import Granted

SERVICE_ACCOUNT_TOKEN: Final = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105
_LARGEST: Final = 64 * 1024  # bytes; a token is shorter, a wrong path is not


Material = tuple[Secret, ...]  # what a login presents


class Login(Protocol):
    """One login method."""

    repeatable: bool  # whether another login can bring another token

    async def material(self) -> Material:
        """Return what a login would present now.

        Raises:
            SecretsUnavailable: a file is missing, unreadable or empty.
        """

    async def log_in(self, material: Material) -> Granted:
        """Return a token and its lease."""


class AppRoleLogin:
    """A role id and a secret id from files, read at each login."""

    repeatable = True

    def __init__(self, options: VaultAuthOptions, client: VaultClient) -> None:
        self._options = options
        self._client = client

    async def material(self) -> Material:
        """Return the role id and the secret id."""
        return await _approle(self._options)

    async def log_in(self, material: Material) -> Granted:
        """Log in with both."""
        role_id, secret_id = material
        return await self._client.login_approle(
            self._options.mount or self._options.method,
            role_id=role_id,
            secret_id=secret_id,
        )


class WrappedAppRoleLogin:
    """A role id, and a secret id in a wrapping token that works once.

    The secret id is kept in memory, since the file's token is spent.
    """

    repeatable = True

    def __init__(self, options: VaultAuthOptions, client: VaultClient) -> None:
        self._options = options
        self._client = client
        self._wrapping: Secret | None = None
        self._secret_id: Secret | None = None

    async def material(self) -> Material:
        """Return the role id and the wrapping token."""
        return await _approle(self._options)

    async def log_in(self, material: Material) -> Granted:
        """Log in; a new wrapping token in the file is unwrapped first."""
        role_id, wrapping = material
        options = self._options
        if self._secret_id is None or wrapping != self._wrapping:
            self._secret_id = await self._client.unwrap(wrapping)
            self._wrapping = wrapping
        return await self._client.login_approle(
            options.mount or options.method,
            role_id=role_id,
            secret_id=self._secret_id,
        )


class JwtLogin:
    """A JWT from a file: of the pod's service account, or of an issuer.

    Read at each login, since the file is replaced long before the token expires.
    """

    repeatable = True

    def __init__(self, options: VaultAuthOptions, client: VaultClient) -> None:
        self._options = options
        self._client = client

    async def material(self) -> Material:
        """Return the JWT."""
        file = self._options.jwt_file
        if file is None and self._options.method == "kubernetes":
            file = SERVICE_ACCOUNT_TOKEN
        return (await _from_file(file, "jwt_file"),)

    async def log_in(self, material: Material) -> Granted:
        """Log in with the JWT."""
        (jwt,) = material
        options = self._options
        assert options.role is not None, "the configuration was checked"  # noqa: S101
        return await self._client.login_jwt(
            options.mount or options.method, role=options.role, jwt=jwt
        )


class TokenLogin:
    """A token from a file that another process renews, or from VAULT_TOKEN."""

    repeatable = False

    def __init__(
        self,
        options: VaultAuthOptions,
        client: VaultClient,
        environ: Mapping[str, str],
    ) -> None:
        self._file = options.token_file
        self._given = environ.get("VAULT_TOKEN", "").strip()
        self._client = client

    async def material(self) -> Material:
        """Return the token in the file or the variable."""
        if self._file is not None:
            return (await _from_file(self._file, "token_file"),)
        if not self._given:
            raise SecretsUnavailable(
                "login", "no Vault token: set VAULT_TOKEN or secrets.vault.auth"
            )
        return (Secret(self._given),)

    async def log_in(self, material: Material) -> Granted:
        """Return the token with its lease, which its policy may hide."""
        (token,) = material
        try:
            return await self._client.look_up(token)
        except SecretsUnavailable as error:
            if error.reason != "permission":
                raise
            # The read that follows shows whether it works.
            return Granted(token, 0.0, renewable=False, known=False)


def build_login(
    options: VaultAuthOptions, client: VaultClient, environ: Mapping[str, str]
) -> Login:
    """Return the configured login.

    Args:
        options: Of `secrets.vault.auth`.
        client: Makes the calls.
        environ: Where VAULT_TOKEN is looked for.
    """
    if options.method == "approle":
        made = WrappedAppRoleLogin if options.secret_id_wrapped else AppRoleLogin
        return made(options, client)
    if options.method == "token":
        return TokenLogin(options, client, environ)
    return JwtLogin(options, client)


async def _approle(options: VaultAuthOptions) -> Material:
    return (
        await _from_file(options.role_id_file, "role_id_file"),
        await _from_file(options.secret_id_file, "secret_id_file"),
    )


async def _from_file(name: str | None, setting: str) -> Secret:
    assert name is not None, "the configuration was checked"  # noqa: S101
    try:
        text = await asyncio.to_thread(_read, Path(name))
    except (OSError, ValueError):
        text = ""
    if not text:
        raise SecretsUnavailable(
            "login",
            f"{name} (secrets.vault.auth.{setting}) is missing, unreadable or empty",
        )
    return Secret(text)


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_LARGEST).decode().strip()
