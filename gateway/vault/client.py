"""The calls to Vault that the gateway makes."""

import random as randomness
from collections.abc import Callable, Mapping
from typing import Any, Final

import hvac

from gateway.core.clock import Clock, SystemClock
from gateway.core.secret import Secret
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault import faults
from gateway.vault.connection import Connection
from gateway.vault.responses import (
    Granted,
    SecretVersion,
    Stamp,
    deletion,
    fields,
    granted,
    mapping,
    seconds,
    secret_version,
    stamp,
)

TIMEOUT: Final = 5.0  # s, for a connect and for each read
_APPROLE_HINT: Final = (
    "check role_id_file and secret_id_file (a secret id can be spent or expired)"
)
_JWT_HINT: Final = (
    "check secrets.vault.auth.role, and that the role admits this token: service "
    "account, namespace and audience"
)
_WRAPPED_HINT: Final = (
    "the wrapping token in secret_id_file is spent or expired: have a new one "
    "delivered, and if nobody here has used it, find out who has"
)


class VaultClient:
    """Logins, token renewals, and KV reads and writes.

    All raise `SecretsUnavailable`, with a sentence that says what to do.
    """

    def __init__(
        self,
        address: str,
        *,
        namespace: str | None,
        ca_file: str | None,
        timeout: float = TIMEOUT,
        clock: Clock | None = None,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        """Send nothing yet; the arguments are those of `Connection`."""
        self._connection = Connection(
            address,
            namespace=namespace,
            ca_file=ca_file,
            timeout=timeout,
            clock=clock if clock is not None else SystemClock(),
            random=random,
        )

    async def login_approle(
        self, mount: str, *, role_id: Secret, secret_id: Secret
    ) -> Granted:
        """Log in with AppRole.

        Args:
            mount: Of the auth method.
            role_id: Of the role.
            secret_id: Of the role; a use of it may be counted.
        """
        call = self._connection.describe("login", f"auth/{mount}/login", _APPROLE_HINT)
        response = await self._connection.send(
            call,
            Secret(""),
            lambda vault: vault.auth.approle.login(
                role_id.reveal(),
                secret_id.reveal(),
                use_token=False,
                mount_point=mount,
            ),
        )
        return granted(response.get("auth"), call)

    async def login_jwt(self, mount: str, *, role: str, jwt: Secret) -> Granted:
        """Log in with a JWT.

        Args:
            mount: Of the auth method, `kubernetes` or `jwt`.
            role: Of the auth method.
            jwt: Of a service account, or of another issuer.
        """
        call = self._connection.describe("login", f"auth/{mount}/login", _JWT_HINT)
        response = await self._connection.send(
            call,
            Secret(""),
            lambda vault: vault.auth.jwt.jwt_login(
                role, jwt.reveal(), use_token=False, path=mount
            ),
        )
        return granted(response.get("auth"), call)

    async def unwrap(self, wrapping: Secret) -> Secret:
        """Return the secret id in a wrapping token, which this spends."""
        call = self._connection.describe("login", "sys/wrapping/unwrap", _WRAPPED_HINT)
        response = await self._connection.send(
            call, wrapping, lambda vault: vault.sys.unwrap()
        )
        found = mapping(response.get("data"), call).get("secret_id")
        if not isinstance(found, str) or not found:
            raise faults.malformed(call)
        return Secret(found)

    async def look_up(self, token: Secret) -> Granted:
        """Return the lease of a token that another process obtained."""
        call = self._connection.describe("token", "auth/token/lookup-self")
        response = await self._connection.send(
            call, token, lambda vault: vault.auth.token.lookup_self()
        )
        data = mapping(response.get("data"), call)
        return Granted(
            token, seconds(data.get("ttl"), call), data.get("renewable") is True
        )

    async def renew(self, token: Secret, *, increment: float) -> Granted:
        """Renew a token's lease, for `increment` s if Vault agrees."""
        call = self._connection.describe("token", "auth/token/renew-self")
        response = await self._connection.send(
            call,
            token,
            lambda vault: vault.auth.token.renew_self(increment=f"{increment:.0f}s"),
        )
        return granted(response.get("auth"), call)

    async def newest_stamp(self, token: Secret, mount: str, path: str) -> Stamp:
        """Return the stamp of a secret's newest version, without its data (KV v2).

        Args:
            token: Sent with the call, here and below.
            mount: Of the KV engine.
            path: Below the mount.
        """
        call = self._connection.describe("metadata", f"{mount}/metadata/{path}")
        response = await self._connection.send(
            call,
            token,
            lambda vault: vault.secrets.kv.v2.read_secret_metadata(
                path, mount_point=mount
            ),
        )
        data = mapping(response.get("data"), call)
        number = data.get("current_version")
        versions = mapping(data.get("versions"), call)
        newest = mapping(versions.get(str(number)), call)
        if (gone := deletion(newest)) is not None:
            raise faults.deleted(
                self._connection.describe("read", f"{mount}/data/{path}"), gone
            )
        return stamp(number, newest.get("created_time"), call)

    async def read(
        self, token: Secret, mount: str, path: str
    ) -> tuple[Mapping[str, Secret], Stamp]:
        """Return the fields of a secret's newest version (KV v2).

        Args:
            token: Sent with the call.
            mount: Of the KV engine.
            path: Below the mount.
        """
        call = self._connection.describe("read", f"{mount}/data/{path}")
        response = await self._connection.send(
            call, token, lambda vault: _newest(vault, mount, path)
        )
        data = mapping(response.get("data"), call)
        about = mapping(data.get("metadata"), call)
        if (gone := deletion(about)) is not None:
            raise faults.deleted(call, gone)
        found = stamp(about.get("version"), about.get("created_time"), call)
        return fields(data.get("data"), call), found

    async def read_unversioned(
        self, token: Secret, mount: str, path: str
    ) -> Mapping[str, Secret]:
        """Return the fields of a secret (KV v1).

        Args:
            token: Sent with the call.
            mount: Of the KV engine.
            path: Below the mount.
        """
        call = self._connection.describe("read", f"{mount}/{path}")
        response = await self._connection.send(
            call,
            token,
            lambda vault: vault.secrets.kv.v1.read_secret(path, mount_point=mount),
        )
        return fields(response.get("data"), call)

    async def read_all(self, token: Secret, mount: str, path: str) -> SecretVersion:
        """Return a secret's newest version whole, for a write that keeps the rest.

        Args:
            token: Sent with the call.
            mount: Of the KV engine.
            path: Below the mount.

        Returns:
            Also fields that are no texts; empty with version 0 where nothing was
            written yet.
        """
        call = self._connection.describe("read", f"{mount}/data/{path}")
        try:
            response = await self._connection.send(
                call, token, lambda vault: _newest(vault, mount, path)
            )
        except SecretsUnavailable as error:
            if error.reason == "not_found" and "nothing is at" in error.detail:
                return SecretVersion({}, 0)
            raise
        return secret_version(response.get("data"), call)

    async def write(
        self, token: Secret, mount: str, path: str, data: dict[str, Any], *, cas: int
    ) -> int:
        """Write a secret's next version, by check-and-set; return its number.

        Args:
            token: Sent with the call.
            mount: Of the KV engine.
            path: Below the mount.
            data: All fields of the version.
            cas: The newest version, as the caller knows it.

        Raises:
            SecretsUnavailable: with reason `conflict` where there is a newer one.
        """
        call = self._connection.describe("write", f"{mount}/data/{path}")
        response = await self._connection.send(
            call,
            token,
            lambda vault: vault.secrets.kv.v2.create_or_update_secret(
                path, secret=data, cas=cas, mount_point=mount
            ),
        )
        version = mapping(response.get("data"), call).get("version")
        if not isinstance(version, int):
            raise faults.malformed(call)
        return version

    def close(self) -> None:
        """End the threads, without waiting for a call under way."""
        self._connection.close()


def _newest(vault: Any, mount: str, path: str) -> Any:
    """Return Vault's response for the newest version, also for one that is gone.

    Vault sends 404 with metadata for a version that is deleted or destroyed; hvac takes
    only the deleted one for a response.
    """
    try:
        return vault.secrets.kv.v2.read_secret_version(
            path, mount_point=mount, raise_on_deleted_version=False
        )
    except hvac.exceptions.InvalidPath as error:
        body = error.json if isinstance(error.json, dict) else {}
        data = body.get("data")
        if isinstance(data, dict) and isinstance(data.get("metadata"), dict):
            return body
        raise
