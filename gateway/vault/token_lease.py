"""Holds a Vault token: renews its lease, and logs in again where renewals end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.secret import Secret
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault import lease as leases
from gateway.vault.auth_methods import Login, Material
from gateway.vault.client import VaultClient
from gateway.vault.lease import Lease

_UNPROVEN_GAP: Final = 300.0  # s between logins while none leads to the secret
_RECHECK: Final = 5.0  # s between checks whether a refused login's material changed


@dataclass(frozen=True, slots=True)
class _Failure:
    """A login that failed."""

    error: SecretsUnavailable
    material: Material
    until: float  # s, monotonic; no login before, with the same material

    @property
    def refused(self) -> bool:
        return self.error.reason == "login"


class TokenLease:
    """One Vault token, renewed at two thirds of its lease."""

    def __init__(
        self,
        login: Login,
        client: VaultClient,
        *,
        now: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        """Hold no token yet.

        Args:
            login: Obtains a token.
            client: For renewals.
            now: Returns s, monotonic.
            random: Returns from [0, 1).
        """
        self._login = login
        self._client = client
        self._now = now
        self._random = random
        self._token: Secret | None = None
        self._material: Material = ()
        self._lease: Lease | None = None
        self._look_up_at = float("inf")  # s, monotonic; when to ask for its lease again
        self._renewals_failed = 0
        self._failure: _Failure | None = None
        self._logins_failed = 0
        self._proven = False
        self.logins = 0
        self.warning: str | None = None  # why the token in use could not be renewed

    @property
    def due_in(self) -> float:
        """Return in how many s `get` has a renewal or a login to make."""
        now, at = self._now(), self._due_at
        if self._failure is None:
            return at - now
        again = self._failure.until
        if self._failure.refused:
            again = min(again, now + _RECHECK)
        return (max(at, again) if at < float("inf") else again) - now

    @property
    def _due_at(self) -> float:
        """Return when the held token needs a renewal or a login, s monotonic."""
        if self._lease is None:
            return float("inf")
        at = leases.due(self._lease, can_login=self._login.repeatable)
        return min(at, self._look_up_at)

    @property
    def expires_in(self) -> float | None:
        """Return the s until the token expires; None: it can be renewed or replaced."""
        lease = self._lease
        if lease is None or self._login.repeatable or not lease.duration:
            return None
        if lease.renewable and not self._renewals_failed:
            return None
        return lease.ends - self._now()

    async def get(self) -> Secret:
        """Return a token that has not expired.

        While it has not, a failed renewal or login only sets `warning`.

        Raises:
            SecretsUnavailable: there is no such token.
        """
        self.warning = None
        held, lease = self._token, self._lease
        if held is None or lease is None or self._now() >= lease.ends:
            return await self._fresh()
        try:
            return await self._kept_alive(held, lease)
        except SecretsUnavailable as error:
            self.warning = error.detail
            return held

    def worked(self) -> None:
        """Note that Vault took the token: a new one may help if it is refused later."""
        self._proven = True
        if self._due_at == float("inf"):
            self._failure = None  # of a login that is needed no more

    async def replace(self) -> Secret | None:
        """Return a token in place of one that Vault just refused; None: there is none.

        A token that never worked is replaced rarely: its policy is wrong, and each
        login may use up a part of the secret id.
        """
        lease, self._lease = self._lease, None  # a ready token is looked up again
        if not self._login.repeatable:
            return None
        if not self._proven and lease and self._now() - lease.granted < _UNPROVEN_GAP:
            self._lease = lease
            return None
        try:
            return await self._fresh()
        except SecretsUnavailable:
            self._lease = lease  # Vault may take it again before a login succeeds
            raise

    async def _kept_alive(self, held: Secret, lease: Lease) -> Secret:
        """Return the token, after a renewal or a login where one is due."""
        repeatable = self._login.repeatable
        if not repeatable:
            other = await self._login.material() != self._material
            if other or self._now() >= self._look_up_at:
                return await self._fresh()
        step = leases.step(lease, now=self._now(), can_login=repeatable)
        if step == "renew":
            lease = self._lease = await self._renewed(held, lease)
            step = leases.step(lease, now=self._now(), can_login=repeatable)
        return await self._fresh(alive=True) if step == "login" else held

    async def _fresh(self, *, alive: bool = False) -> Secret:
        """Log in; `alive`: the held token has not expired."""
        try:
            material = await self._login.material()
        except SecretsUnavailable as error:
            self._failure = _Failure(error, (), self._now() + _RECHECK)
            raise
        failed = self._failure
        if failed is not None and failed.material != material:
            failed, self._logins_failed = None, 0
        if failed and self._now() < failed.until and (alive or failed.refused):
            raise SecretsUnavailable(failed.error.reason, failed.error.detail)
        try:
            granted = await self._login.log_in(material)
        except SecretsUnavailable as error:
            self._failed(error, material)
            raise
        self._token, self._material = granted.token, material
        self._lease = leases.start(
            now=self._now(),
            duration=granted.duration,
            renewable=granted.renewable,
            random=self._random(),
        )
        self._look_up_at = float("inf")
        if not granted.known:
            self._look_up_at = self._now() + leases.RETRY_CAP
        self._renewals_failed = self._logins_failed = 0
        self._failure = None
        self._proven = False
        self.logins += 1
        return granted.token

    def _failed(self, error: SecretsUnavailable, material: Material) -> None:
        self._logins_failed += 1
        wait = leases.login_wait(
            self._logins_failed,
            refused=error.reason == "login",
            random=self._random(),
        )
        self._failure = _Failure(error, material, self._now() + wait)

    async def _renewed(self, token: Secret, lease: Lease) -> Lease:
        """Return the lease after trying to renew it."""
        try:
            granted = await self._client.renew(token, increment=lease.first)
        except SecretsUnavailable as error:
            self._renewals_failed += 1
            if error.reason == "permission" and self._login.repeatable:
                # Past its maximum TTL: the next read is refused and logs in again.
                return leases.not_renewable(lease)
            return leases.postponed(
                lease,
                now=self._now(),
                failures=self._renewals_failed,
                random=self._random(),
            )
        self._renewals_failed = 0
        return leases.renewed(
            lease, now=self._now(), duration=granted.duration, random=self._random()
        )
