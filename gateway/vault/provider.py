"""Secrets from HashiCorp Vault: log in, keep the token alive, read."""

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from gateway.clock import Clock, SystemClock
from gateway.secret import Secret
from gateway.secrets.ports import SecretSet, SecretsUnavailable, required
from gateway.secrets.version import version_of
from gateway.vault.client import VaultClient
from gateway.vault.lease import Lease, next_step


class AuthOptions(Protocol):
    """How to log in."""

    @property
    def method(self) -> str: ...  # noqa: D102 - see the schema
    @property
    def mount(self) -> str | None: ...  # noqa: D102
    @property
    def role_id_file(self) -> str | None: ...  # noqa: D102
    @property
    def secret_id_file(self) -> str | None: ...  # noqa: D102
    @property
    def token_file(self) -> str | None: ...  # noqa: D102


class VaultOptions(Protocol):
    """Where the secret is."""

    @property
    def address(self) -> str | None: ...  # noqa: D102
    @property
    def namespace(self) -> str | None: ...  # noqa: D102
    @property
    def ca_file(self) -> str | None: ...  # noqa: D102
    @property
    def kv_mount(self) -> str: ...  # noqa: D102
    @property
    def kv_version(self) -> int: ...  # noqa: D102
    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def auth(self) -> AuthOptions: ...  # noqa: D102


class VaultProvider:
    """Reads one secret of KV v1 or v2."""

    name = "vault"

    def __init__(
        self,
        options: VaultOptions,
        *,
        environ: Mapping[str, str],
        clock: Clock | None = None,
        draw: Callable[[], float] = random.random,
        timeout: float | None = None,
    ) -> None:
        assert options.address is not None  # noqa: S101 - the schema asks for it
        self._options = options
        self._environ = environ
        self._clock = clock or SystemClock()
        self._draw = draw
        limits = {} if timeout is None else {"timeout": timeout}
        self._client = VaultClient(
            options.address,
            namespace=options.namespace,
            ca_file=options.ca_file,
            **limits,
        )
        self._token = ""
        self._lease: Lease | None = None
        self._kept: SecretSet | None = None
        self._kept_version: int | None = None
        self._metadata_denied = False

    @property
    def full_path(self) -> str:
        """Return the path as a policy names it."""
        middle = "data/" if self._options.kv_version == 2 else ""  # noqa: PLR2004
        return f"{self._options.kv_mount}/{middle}{self._options.path}"

    async def read(self) -> SecretSet:
        """Return the newest version of the secret.

        Raises:
            SecretsUnavailable: it cannot be had; the text names path and capability.
        """
        await self._keep_token()
        try:
            return await self._read()
        except SecretsUnavailable as error:
            if error.reason != "permission" or self._options.auth.method == "token":
                raise
        # A 403 may mean that the token was revoked: one login, one more try.
        await self._login()
        return await self._read()

    async def close(self) -> None:
        """End the threads."""
        self._client.close()

    # The token.

    async def _keep_token(self) -> None:
        if self._options.auth.method == "token":
            self._token = self._given_token()
            return
        step = next_step(self._lease, now=self._clock.now(), random=self._draw())
        if step == "renew":
            try:
                await self._renew()
            except SecretsUnavailable:
                step = "login"  # the token may be gone; a login says so clearly
        if step == "login":
            await self._login()

    def _given_token(self) -> str:
        path = self._options.auth.token_file
        token = _file(path) if path else self._environ.get("VAULT_TOKEN", "")
        if not token:
            raise SecretsUnavailable(
                "login",
                "there is no Vault token: set VAULT_TOKEN or "
                "secrets.vault.auth.token_file",
            )
        return token

    async def _login(self) -> None:
        auth = self._options.auth
        mount = auth.mount or "approle"
        # Both files are read at each login: what writes them may have changed them.
        role_id, secret_id = _file(auth.role_id_file), _file(auth.secret_id_file)
        try:
            answer = await self._client.call(
                "",
                lambda client: client.auth.approle.login(
                    role_id=role_id,
                    secret_id=secret_id,
                    mount_point=mount,
                    use_token=False,
                ),
                what=f"login at auth/{mount}",
            )
        except SecretsUnavailable as error:
            if error.reason in {"malformed", "permission"}:
                raise SecretsUnavailable(
                    "login",
                    f"Vault refuses the AppRole login at auth/{mount}: check "
                    "role_id_file and secret_id_file",
                ) from None
            raise
        self._take(answer, first=True)

    async def _renew(self) -> None:
        answer = await self._client.call(
            self._token,
            lambda client: client.auth.token.renew_self(),
            what="renew the token at auth/token/renew-self",
        )
        self._take(answer, first=False)

    def _take(self, answer: Any, *, first: bool) -> None:
        try:
            auth = answer["auth"]
            token, duration = str(auth["client_token"]), float(auth["lease_duration"])
            renewable = bool(auth["renewable"])
        except (KeyError, TypeError, ValueError):
            raise SecretsUnavailable("malformed", "Vault's login is odd") from None
        self._token = token
        previous = self._lease.first_duration if self._lease else duration
        self._lease = Lease(
            self._clock.now(), duration, renewable, duration if first else previous
        )

    # The secret.

    async def _read(self) -> SecretSet:
        if self._options.kv_version == 1:
            return await self._read_v1()
        newest = await self._newest_version()
        if newest is not None and newest == self._kept_version and self._kept:
            return self._kept
        return await self._read_v2()

    async def _newest_version(self) -> int | None:
        """Return the current version; None where the policy keeps it from us."""
        if self._metadata_denied or self._kept is None:
            return None
        options = self._options
        try:
            answer = await self._client.call(
                self._token,
                lambda client: client.secrets.kv.v2.read_secret_metadata(
                    path=options.path, mount_point=options.kv_mount
                ),
                what=f"read {options.kv_mount}/metadata/{options.path}",
            )
            return int(answer["data"]["current_version"])
        except SecretsUnavailable as error:
            if error.reason != "permission":
                raise
            self._metadata_denied = True  # the data itself tells the version too
        except (KeyError, TypeError, ValueError):
            pass
        return None

    async def _read_v2(self) -> SecretSet:
        options, what = self._options, f"read {self.full_path}"
        answer = await self._client.call(
            self._token,
            lambda client: client.secrets.kv.v2.read_secret_version(
                path=options.path,
                mount_point=options.kv_mount,
                raise_on_deleted_version=False,
            ),
            what=what,
        )
        try:
            data, version = (
                answer["data"]["data"],
                answer["data"]["metadata"]["version"],
            )
        except (KeyError, TypeError):
            raise _odd(what) from None
        if data is None:
            raise SecretsUnavailable(
                "not_found", f"the newest version is deleted: undelete it ({what})"
            )
        self._kept = _set(data, where=what, version=f"kv-{int(version)}")
        self._kept_version = int(version)
        return self._kept

    async def _read_v1(self) -> SecretSet:
        options, what = self._options, f"read {self.full_path}"
        answer = await self._client.call(
            self._token,
            lambda client: client.secrets.kv.v1.read_secret(
                path=options.path, mount_point=options.kv_mount
            ),
            what=what,
        )
        try:
            data = answer["data"]
        except (KeyError, TypeError):
            raise _odd(what) from None
        return _set(data, where=what, version=None)


def _odd(what: str) -> SecretsUnavailable:
    return SecretsUnavailable("malformed", f"Vault's answer is odd ({what})")


def _set(data: Any, *, where: str, version: str | None) -> SecretSet:
    if not isinstance(data, Mapping):
        raise _odd(where)
    fields = {
        str(name): Secret(value.strip())
        for name, value in data.items()
        if isinstance(value, str)
    }
    return required(
        fields, where=f"Vault ({where})", version=version or version_of(fields)
    )


def _file(path: str | None) -> str:
    if path is None:
        return ""
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise SecretsUnavailable("login", f"the file {path} cannot be read") from None
