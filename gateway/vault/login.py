"""Whose Vault token is used, and how long is it good for?"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from gateway.secret import Secret
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault import lease as leases
from gateway.vault.client import Granted, VaultClient
from gateway.vault.lease import Lease
from gateway.vault.options import VaultAuthOptions

_LARGEST: Final = 64 * 1024  # bytes; a token is shorter, a wrong path is not
_UNPROVEN_GAP: Final = 300.0  # s between logins while none leads to the secret


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
            return Granted(given, 0.0, renewable=False)


class Tokens:
    """Holds one token, renewed at two thirds of its lease."""

    def __init__(
        self,
        login: Login,
        client: VaultClient,
        *,
        now: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._login = login
        self._client = client
        self._now = now
        self._random = random
        self._token: Secret | None = None
        self._given: Secret | None = None
        self._lease: Lease | None = None
        self._failures = 0
        self._proven = False
        self.logins = 0

    @property
    def due_in(self) -> float:
        """Return in how many s a renewal or a login is due."""
        if self._lease is None:
            return float("inf")
        at = leases.due(self._lease, can_login=self._login.repeatable)
        return at - self._now()

    async def get(self) -> Secret:
        """Return a token that should still be good."""
        given = await self._login.token()
        held, lease = self._token, self._lease
        if held is None or lease is None or given != self._given:
            return await self._fresh(given)
        step = leases.step(lease, now=self._now(), can_login=self._login.repeatable)
        if step == "login":
            return await self._fresh(given)
        if step == "renew":
            await self._renew(held, lease)
        return held

    def worked(self) -> None:
        """Note that Vault took the token: were it refused later, a new one may help."""
        self._proven = True

    async def replace(self) -> Secret | None:
        """Return another token than the one that was just refused; None: there is none.

        One that never worked is replaced rarely: its policy is wrong, and each login
        may use up a part of the secret id.
        """
        lease, self._lease = self._lease, None  # a given token is asked about anew
        if not self._login.repeatable:
            return None
        if not self._proven and lease and self._now() - lease.granted < _UNPROVEN_GAP:
            self._lease = lease
            return None
        return await self._fresh(None)

    async def _fresh(self, given: Secret | None) -> Secret:
        granted = await self._login.log_in(given)
        self._token, self._given = granted.token, given
        self._lease = leases.start(
            now=self._now(),
            duration=granted.duration,
            renewable=granted.renewable,
            random=self._random(),
        )
        self._failures = 0
        self._proven = False
        self.logins += 1
        return granted.token

    async def _renew(self, token: Secret, lease: Lease) -> None:
        try:
            granted = await self._client.renew(token, increment=lease.first)
        except SecretsUnavailable as error:
            self._failures += 1
            if error.reason == "permission":
                # Past its maximum: the read that follows is refused and logs in anew.
                self._lease = leases.not_renewable(lease)
                return
            self._lease = leases.postponed(
                lease, now=self._now(), failures=self._failures, random=self._random()
            )
            return
        self._failures = 0
        self._lease = leases.renewed(
            lease, now=self._now(), duration=granted.duration, random=self._random()
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
