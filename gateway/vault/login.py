"""Whose Vault token is used, and how long is it good for?"""

from collections.abc import Callable
from typing import Final

from gateway.secret import Secret
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault import lease as leases
from gateway.vault.client import VaultClient
from gateway.vault.lease import Lease
from gateway.vault.ways import Login

_UNPROVEN_GAP: Final = 300.0  # s between logins while none leads to the secret


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
        self._look_at = float("inf")  # s, monotonic; when to ask about its life again
        self._failures = 0
        self._proven = False
        self.logins = 0

    @property
    def due_in(self) -> float:
        """Return in how many s a renewal or a login is due."""
        if self._lease is None:
            return float("inf")
        at = leases.due(self._lease, can_login=self._login.repeatable)
        return min(at, self._look_at) - self._now()

    @property
    def ends_in(self) -> float | None:
        """Return in how many s the token dies, if nothing here can prolong it."""
        lease = self._lease
        if lease is None or self._login.repeatable or not lease.duration:
            return None
        if lease.renewable and not self._failures:
            return None
        return lease.ends - self._now()

    async def get(self) -> Secret:
        """Return a token that should still be good."""
        given = await self._login.token()
        held, lease = self._token, self._lease
        known = self._now() < self._look_at
        if held is None or lease is None or given != self._given or not known:
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
        self._look_at = float("inf")
        if not granted.known:
            self._look_at = self._now() + leases.RETRY_CAP
        self._failures = 0
        self._proven = False
        self.logins += 1
        return granted.token

    async def _renew(self, token: Secret, lease: Lease) -> None:
        try:
            granted = await self._client.renew(token, increment=lease.first)
        except SecretsUnavailable as error:
            self._failures += 1
            if error.reason == "permission" and self._login.repeatable:
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
