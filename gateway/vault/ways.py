"""Which ways lead to a Vault token?"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from gateway.secret import Secret
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault.answers import Granted
from gateway.vault.client import VaultClient
from gateway.vault.options import VaultAuthOptions

SERVICE_ACCOUNT_TOKEN: Final = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105
_LARGEST: Final = 64 * 1024  # bytes; a token is shorter, a wrong path is not


class Login(Protocol):
    """One way to come by a token."""

    repeatable: bool  # whether asking again can bring another token

    async def token(self) -> Secret | None:
        """Return the token that somebody else looks after; None: log in yourself."""

    async def log_in(self, given: Secret | None) -> Granted:
        """Return a token and its life."""


class AppRoleLogin:
    """A role id and a secret id from files, read at each login."""

    repeatable = True

    def __init__(self, options: VaultAuthOptions, client: VaultClient) -> None:
        self._options = options
        self._client = client

    async def token(self) -> Secret | None:
        """Return none: each login makes one."""
        return None

    async def log_in(self, given: Secret | None) -> Granted:
        """Log in with what the files hold now."""
        del given
        options = self._options
        return await self._client.login_approle(
            options.mount or options.method,
            role_id=await _from_file(options.role_id_file, "role_id_file"),
            secret_id=await _from_file(options.secret_id_file, "secret_id_file"),
        )


class WrappedAppRoleLogin:
    """A role id, and a secret id inside a wrapping token that works once.

    The secret id is kept in memory: the file has nothing more to give.
    """

    repeatable = True

    def __init__(self, options: VaultAuthOptions, client: VaultClient) -> None:
        self._options = options
        self._client = client
        self._wrapping: Secret | None = None
        self._secret_id: Secret | None = None

    async def token(self) -> Secret | None:
        """Return none: each login makes one."""
        return None

    async def log_in(self, given: Secret | None) -> Granted:
        """Log in; a new wrapping token in the file is opened first."""
        del given
        options = self._options
        role_id = await _from_file(options.role_id_file, "role_id_file")
        wrapping = await _from_file(options.secret_id_file, "secret_id_file")
        if self._secret_id is None or wrapping != self._wrapping:
            self._secret_id = await self._client.unwrap(wrapping)
            self._wrapping = wrapping
        return await self._client.login_approle(
            options.mount or options.method,
            role_id=role_id,
            secret_id=self._secret_id,
        )


class JwtLogin:
    """A signed token from a file: of the pod's service account, or of an issuer.

    Read at each login: what lies there is replaced long before it runs out.
    """

    repeatable = True

    def __init__(self, options: VaultAuthOptions, client: VaultClient) -> None:
        self._options = options
        self._client = client

    async def token(self) -> Secret | None:
        """Return none: each login makes one."""
        return None

    async def log_in(self, given: Secret | None) -> Granted:
        """Log in with what the file holds now."""
        del given
        options = self._options
        assert options.role is not None, "the configuration was checked"  # noqa: S101
        file = options.jwt_file
        if file is None and options.method == "kubernetes":
            file = SERVICE_ACCOUNT_TOKEN
        return await self._client.login_jwt(
            options.mount or options.method,
            role=options.role,
            jwt=await _from_file(file, "jwt_file"),
        )


class TokenLogin:
    """A token from a file that something else keeps fresh, or from VAULT_TOKEN."""

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

    async def token(self) -> Secret | None:
        """Return what the file or the variable holds now."""
        if self._file is not None:
            return await _from_file(self._file, "token_file")
        if not self._given:
            raise SecretsUnavailable(
                "login", "no Vault token: set VAULT_TOKEN or secrets.vault.auth"
            )
        return Secret(self._given)

    async def log_in(self, given: Secret | None) -> Granted:
        """Ask how long the token lives; what cannot be known is not held against it."""
        assert given is not None, "this login always gives a token"  # noqa: S101
        try:
            return await self._client.look_up(given)
        except SecretsUnavailable as error:
            if error.reason != "permission":
                raise
            # Its policy may hide that; whether it is any good the read will tell.
            return Granted(given, 0.0, renewable=False, known=False)


def way_in(
    options: VaultAuthOptions, client: VaultClient, environ: Mapping[str, str]
) -> Login:
    """Return the way that is configured."""
    if options.method == "approle":
        made = WrappedAppRoleLogin if options.secret_id_wrapped else AppRoleLogin
        return made(options, client)
    if options.method == "token":
        return TokenLogin(options, client, environ)
    return JwtLogin(options, client)


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
