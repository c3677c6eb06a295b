"""The calls of Vault that the gateway needs."""

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
    """The calls that the gateway needs.

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
        """Ask nothing yet; see `Connection`."""
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
        """Log in with a role id and a secret id."""
        call = self._connection.describe("login", f"auth/{mount}/login", _APPROLE_HINT)
        answer = await self._connection.send(
            call,
            Secret(""),
            lambda vault: vault.auth.approle.login(
                role_id.reveal(),
                secret_id.reveal(),
                use_token=False,
                mount_point=mount,
            ),
        )
        return granted(answer.get("auth"), call)

    async def login_jwt(self, mount: str, *, role: str, jwt: Secret) -> Granted:
        """Log in with a signed token: of a service account, or of another issuer."""
        call = self._connection.describe("login", f"auth/{mount}/login", _JWT_HINT)
        answer = await self._connection.send(
            call,
            Secret(""),
            lambda vault: vault.auth.jwt.jwt_login(
                role, jwt.reveal(), use_token=False, path=mount
            ),
        )
        return granted(answer.get("auth"), call)

    async def unwrap(self, wrapping: Secret) -> Secret:
        """Return the secret id inside a wrapping token, which is spent by this."""
        call = self._connection.describe("login", "sys/wrapping/unwrap", _WRAPPED_HINT)
        answer = await self._connection.send(
            call, wrapping, lambda vault: vault.sys.unwrap()
        )
        found = mapping(answer.get("data"), call).get("secret_id")
        if not isinstance(found, str) or not found:
            raise faults.malformed(call)
        return Secret(found)

    async def look_up(self, token: Secret) -> Granted:
        """Learn how long a token lives that came from elsewhere."""
        call = self._connection.describe("token", "auth/token/lookup-self")
        answer = await self._connection.send(
            call, token, lambda vault: vault.auth.token.lookup_self()
        )
        data = mapping(answer.get("data"), call)
        return Granted(
            token, seconds(data.get("ttl"), call), data.get("renewable") is True
        )

    async def renew(self, token: Secret, *, increment: float) -> Granted:
        """Extend a token's life, by `increment` s if Vault agrees."""
        call = self._connection.describe("token", "auth/token/renew-self")
        answer = await self._connection.send(
            call,
            token,
            lambda vault: vault.auth.token.renew_self(increment=f"{increment:.0f}s"),
        )
        return granted(answer.get("auth"), call)

    async def newest_stamp(self, token: Secret, mount: str, path: str) -> Stamp:
        """Return the newest version's stamp, without reading the secret (KV v2)."""
        call = self._connection.describe("metadata", f"{mount}/metadata/{path}")
        answer = await self._connection.send(
            call,
            token,
            lambda vault: vault.secrets.kv.v2.read_secret_metadata(
                path, mount_point=mount
            ),
        )
        data = mapping(answer.get("data"), call)
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
        """Return the fields of a secret's newest version (KV v2)."""
        call = self._connection.describe("read", f"{mount}/data/{path}")
        answer = await self._connection.send(
            call, token, lambda vault: _newest(vault, mount, path)
        )
        data = mapping(answer.get("data"), call)
        about = mapping(data.get("metadata"), call)
        if (gone := deletion(about)) is not None:
            raise faults.deleted(call, gone)
        found = stamp(about.get("version"), about.get("created_time"), call)
        return fields(data.get("data"), call), found

    async def read_unversioned(
        self, token: Secret, mount: str, path: str
    ) -> Mapping[str, Secret]:
        """Return the fields of a secret (KV v1)."""
        call = self._connection.describe("read", f"{mount}/{path}")
        answer = await self._connection.send(
            call,
            token,
            lambda vault: vault.secrets.kv.v1.read_secret(path, mount_point=mount),
        )
        return fields(answer.get("data"), call)

    async def read_all(self, token: Secret, mount: str, path: str) -> SecretVersion:
        """Return all of a secret as it is; nothing yet: empty, and version 0.

        For whoever writes it back: other tools may keep more than texts there.
        """
        call = self._connection.describe("read", f"{mount}/data/{path}")
        try:
            answer = await self._connection.send(
                call, token, lambda vault: _newest(vault, mount, path)
            )
        except SecretsUnavailable as error:
            if error.reason == "not_found" and "nothing is at" in error.detail:
                return SecretVersion({}, 0)
            raise
        return secret_version(answer.get("data"), call)

    async def write(
        self, token: Secret, mount: str, path: str, data: dict[str, Any], *, cas: int
    ) -> int:
        """Write a secret's next version, if `cas` is the newest; return its version.

        Raises:
            SecretsUnavailable: with reason `conflict` where it is not.
        """
        call = self._connection.describe("write", f"{mount}/data/{path}")
        answer = await self._connection.send(
            call,
            token,
            lambda vault: vault.secrets.kv.v2.create_or_update_secret(
                path, secret=data, cas=cas, mount_point=mount
            ),
        )
        version = mapping(answer.get("data"), call).get("version")
        if not isinstance(version, int):
            raise faults.malformed(call)
        return version

    def close(self) -> None:
        """Let the threads end; a call under way is not waited for."""
        self._connection.close()


def _newest(vault: Any, mount: str, path: str) -> Any:
    """Return Vault's response for the newest version, also of one that is gone.

    Vault answers a version that is deleted or destroyed with 404 and its metadata, of
    which hvac takes only the deleted one for a response.
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
