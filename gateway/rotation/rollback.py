"""The steps of a rollback, which turns forward where only the new credential works.

The state keeps both credentials until one is revoked: if either stops working
meanwhile, the other can be put in force.
"""

from dataclasses import replace
from typing import Final

from gateway.core.secret import Secret
from gateway.rotation.context import CURRENT
from gateway.rotation.policy import NEXT, NONE, State
from gateway.rotation.ports import Fields, Pair, StepFailed
from gateway.rotation.step_base import StepBase, is_ours

_NO_ROLLBACK: Final = (
    "There is no way back: Dinie refuses the old credential. Run the rotation on, or "
    "put a working credential in force."
)
_NONE_LEFT: Final = (
    "Dinie refuses every credential that this rotation knows: put a working one in "
    "force, and run it again."
)


class Rollback(StepBase):
    """Each step takes the stored state and returns the next one, stored."""

    async def turn_back(self, state: State) -> State:
        """Begin a rollback, if the credential that it restores works."""
        current = await self._context.current()
        swapped = state.new_id and current.client_id.reveal() == state.new_id
        if not await self._takes(_old(state) if swapped else current):
            # The rotation must go on where the old credential is refused.
            raise StepFailed(_NO_ROLLBACK)
        return await self._move(state, "restoring")

    async def restore(self, state: State) -> State:
        """Put the old credential in force again."""
        secret = await self._store.secret()
        current = self._context.pair(secret, CURRENT)
        state = await self._keep_new(state, secret)
        fields: dict[str, Secret | None] = {}
        if is_ours(secret, state):
            fields |= dict.fromkeys(NEXT)
        if state.new_id and current.client_id.reveal() == state.new_id:
            old = _old(state)
            if not await self._takes(old):
                return await self._forward(state, secret)
            fields |= {"client_id": old.client_id, "client_secret": old.client_secret}
            fields["client_created_at"] = state.old_created or None
            fields["client_expires_at"] = state.old_expires or None
        elif fields and not await self._takes(current):
            # The credential about to be removed is the only one that works.
            await self._lock.renew()
            await self._store.change({}, since=secret)
            return await self._move(state, "canary")
        await self._lock.renew()
        await self._store.change(fields, since=secret)
        return await self._move(state, "withdrawing")

    async def withdraw(self, state: State) -> State:
        """Revoke the new credential, also where the creation's response was lost."""
        secret = await self._store.secret()
        current = self._context.pair(secret, CURRENT)
        if state.new_id and current.client_id.reveal() == state.new_id:
            return await self._forward(state, secret)
        if not await self._takes(current):
            return await self._forward(state, await self._put_new(state, secret))
        await self._revoke_created(state, current)
        return await self._end(state, "aborted")

    async def is_dead(self) -> bool:
        """Return whether Dinie refuses the credential in force."""
        return not await self._takes(await self._context.current())

    async def _keep_new(self, state: State, secret: Fields) -> State:
        """Store the new credential in the state, before it leaves the secret."""
        ours = is_ours(secret, state)
        prefix = "next_client" if ours else "client"
        found = secret.get(f"{prefix}_id", NONE).reveal()
        # A credential of another origin is neither kept nor revoked.
        if not found or found != (state.new_id or (found if ours else "")):
            return state
        kept = replace(
            state,
            new_id=found,
            new_secret=secret.get(f"{prefix}_secret", NONE),
            new_created=secret.get(f"{prefix}_created_at", NONE),
            new_expires=secret.get(f"{prefix}_expires_at", NONE),
        )
        await self._lock.write(kept)
        return kept

    async def _put_new(self, state: State, secret: Fields) -> Fields:
        """Put the new credential in force, where the old one is refused."""
        new = Pair(Secret(state.new_id), state.new_secret)
        if not await self._takes(new):
            raise StepFailed(_NONE_LEFT)
        await self._lock.renew()
        await self._store.change(
            {
                "client_id": new.client_id,
                "client_secret": new.client_secret,
                "client_created_at": state.new_created or None,
                "client_expires_at": state.new_expires or None,
            },
            since=secret,
        )
        return await self._store.secret()

    async def _forward(self, state: State, secret: Fields) -> State:
        """Turn forward with the new credential, if it is in force and works."""
        current = self._context.pair(secret, CURRENT)
        if current.client_id.reveal() != state.new_id or not await self._takes(current):
            raise StepFailed(_NONE_LEFT)
        self._context.report("Only the new credential works: the rotation goes on.")
        return await self._serve(state, secret)


def _old(state: State) -> Pair:
    return Pair(Secret(state.old_id), state.old_secret)
