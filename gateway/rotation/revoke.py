"""Revokes credentials at Dinie, and checks that they are revoked."""

from collections.abc import Callable

from gateway.core.secret import Secret
from gateway.rotation import policy
from gateway.rotation.context import CURRENT, Context
from gateway.rotation.lock import Lock, damaged
from gateway.rotation.policy import BACK, ENDED, ListedCredential, State
from gateway.rotation.ports import Pair, StepFailed


class Revoker:
    """Revokes credentials, but never the one that it asks with."""

    def __init__(self, context: Context, lock: Lock) -> None:
        """Revoke nothing yet.

        Args:
            context: Of this run.
            lock: Renewed right before each revocation.
        """
        self._context = context
        self._store = context.store
        self._dinie = context.dinie
        self._lock = lock

    async def revoke(
        self, by: Pair, unwanted: Callable[[ListedCredential], bool]
    ) -> None:
        """Revoke all active credentials that are unwanted.

        Args:
            by: The credential that asks; never revoked.
            unwanted: Chooses among those that Dinie lists.

        Raises:
            StepFailed: Dinie still lists one as active.
        """
        for one in await self._active(by, unwanted):
            await self._lock.renew()
            await self._dinie.revoke(by, one.client_id)
        if left := await self._active(by, unwanted):
            raise StepFailed(
                f"Dinie still lists {len(left)} credential(s) as active after their "
                "revocation: run it again, and look at Dinie if that does not help."
            )

    async def revoke_orphan(self, made: Pair, state: State) -> None:
        """Revoke a credential that was created after its rotation had been aborted.

        A rotation that goes on gets it again by its key.

        Args:
            made: The credential.
            state: Of the rotation that created it.

        Raises:
            StepFailed: the present state cannot be read, or Dinie does not revoke it.
        """
        try:
            other = policy.read(await self._store.state())
        except ValueError as error:
            raise StepFailed(damaged(error)) from None
        if other and other.id == state.id and other.phase not in ENDED | BACK:
            return
        kept = other.new_id if other and other.new_secret else ""
        secret = await self._store.secret()
        current = self._context.pair(secret, CURRENT)
        known = {current.client_id, secret.get("next_client_id"), Secret(kept)}
        if made.client_id not in known:
            await self._dinie.revoke(current, made.client_id.reveal())

    async def _active(
        self, by: Pair, unwanted: Callable[[ListedCredential], bool]
    ) -> list[ListedCredential]:
        return [
            one
            for one in await self._dinie.credentials(by)
            if one.active and unwanted(one) and one.client_id != by.client_id.reveal()
        ]
