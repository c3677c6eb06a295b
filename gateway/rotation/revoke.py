"""Takes credentials away at Dinie, and sees that they are gone."""

from collections.abc import Callable

from gateway.rotation import policy
from gateway.rotation.lock import Lock
from gateway.rotation.policy import ENDED, Known, State
from gateway.rotation.ports import Dinie, Pair, StepFailed, Store


class Revoker:
    """Never revokes the credential that it asks by."""

    def __init__(self, store: Store, dinie: Dinie, lock: Lock) -> None:
        """Wire it; `lock` is renewed right before each revocation."""
        self._store = store
        self._dinie = dinie
        self._lock = lock

    async def revoke(self, by: Pair, unwanted: Callable[[Known], bool]) -> None:
        """Revoke all that are unwanted and active.

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

    async def late(self, made: Pair, state: State) -> None:
        """Revoke what came after its rotation had ended, and nobody knows of.

        A rotation that is under way has it by its key, or revokes it by its name.
        """
        other = policy.read(await self._store.state())
        if other and other.id == state.id and other.phase not in ENDED:
            return
        secret = await self._store.secret()
        current = Pair(
            secret.get("client_id", policy.NONE),
            secret.get("client_secret", policy.NONE),
        )
        known = {secret.get("client_id"), secret.get("next_client_id")}
        if made.client_id not in known and all(
            (current.client_id, current.client_secret)
        ):
            await self._dinie.revoke(current, made.client_id.reveal())

    async def _active(self, by: Pair, unwanted: Callable[[Known], bool]) -> list[Known]:
        return [
            one
            for one in await self._dinie.credentials(by)
            if one.active and unwanted(one) and one.client_id != by.client_id.reveal()
        ]
