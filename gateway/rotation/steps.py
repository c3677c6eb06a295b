"""The steps of a rotation; each checks before it acts, and can be repeated."""

from gateway.core.secret import Secret
from gateway.rotation import policy
from gateway.rotation.context import CURRENT
from gateway.rotation.policy import NEXT, NONE, ListedCredential, State
from gateway.rotation.ports import Conflict, Created, Fields, Pair, StepFailed
from gateway.rotation.step_base import BY_HAND, OWNER, PAIR, StepBase, is_ours


class Steps(StepBase):
    """Each step takes the stored state and returns the next one, stored."""

    async def begin(self) -> State:
        """Store a new rotation, with the credential that a rollback restores."""
        now = self._context.clock.unix()
        secret = await self._store.secret()
        current = self._context.pair(secret, CURRENT)
        state = State(
            self._context.new_id(),
            "creating",
            now,
            now,
            current.client_id.reveal(),
            old_secret=current.client_secret,
            old_created=secret.get("client_created_at", NONE),
            old_expires=secret.get("client_expires_at", NONE),
        )
        await self._lock.write(state)
        self._context.report(f"Rotation {state.id} has begun.")
        return state

    async def create(self, state: State) -> State:
        """Create the new credential and store it as next_*, unless that was done."""
        secret = await self._store.secret()
        if is_ours(secret, state):
            new_id = secret["next_client_id"].reveal()
            return await self._move(state, "stored", new_id=new_id)
        current = self._context.pair(secret, CURRENT)
        secret = await self.clear(secret, current)
        if abs(self._context.clock.unix() - state.started) > policy.REPLAY:
            # The key would by now create a second one, while the first is lost.
            await self._revoke_created(state, current)
            return await self.begin()
        await self._lock.renew()
        made = await self._dinie.create(current, name=state.name, key=state.key)
        new = self._context.checked(made.pair)
        try:
            await self._lock.renew()
            await self._store.change(_next(made, state), since=secret)
        except Conflict:
            await self._revoker.revoke_orphan(new, state)
            raise
        return await self._move(state, "stored", new_id=new.client_id.reveal())

    async def clear(self, secret: Fields, current: Pair) -> Fields:
        """Revoke and remove next_* of an earlier rotation; return the secret.

        A run that had lost its lock may have stored it.

        Raises:
            StepFailed: it is of no rotation, or Dinie does not revoke it.
            Conflict: the secret was written meanwhile.
        """
        left = secret.get("next_client_id")
        if not left:
            return secret
        if left != current.client_id:
            if not secret.get(OWNER):
                raise StepFailed(
                    "next_client_id is there, and no rotation made it: remove next_* "
                    "from the secret, and revoke it at Dinie if nobody needs it."
                )
            await self._revoker.revoke(
                current, lambda one: one.client_id == left.reveal()
            )
        await self._lock.renew()
        await self._store.change(dict.fromkeys(NEXT), since=secret)
        cleared = await self._store.secret()
        if cleared.get("client_id") != current.client_id or cleared.get(PAIR[0]):
            raise Conflict("the secret is not what it was")
        return cleared

    async def take_back(self) -> str:
        """Remove what a rotation with a lost state left; return the report of it."""
        secret = await self._store.secret()
        current = self._context.pair(secret, CURRENT)
        said = "Nothing is left as next_*."
        if secret.get(PAIR[0]):
            await self.clear(secret, current)
            said = "What it left as next_* is revoked and removed."
        listed = await self._dinie.credentials(current)
        others = [
            one.name
            for one in listed
            if one.active
            and one.name.startswith(policy.NAMED)
            and one.client_id != current.client_id.reveal()
        ]
        if others:
            said += f" Dinie lists {', '.join(others)}: revoke what nobody uses there."
        return said

    async def verify(self, state: State) -> State:
        """Prove the new credential for the first time."""
        await self._dinie.prove(self._next(await self._store.secret(), state))
        return await self._move(state, "canary")

    async def decide(self, state: State) -> State:
        """Prove the new credential again and store the old one, before the swap."""
        secret = await self._store.secret()
        current = self._context.pair(secret, CURRENT)
        if current.client_id.reveal() == state.new_id:  # an earlier run swapped it
            return await self._serve(state, secret)
        await self._prove_new(self._next(secret, state))
        if current.client_id.reveal() != state.old_id:
            raise StepFailed(BY_HAND)
        return await self._move(
            state,
            "promoting",
            old_secret=current.client_secret,
            old_created=secret.get("client_created_at", NONE),
            old_expires=secret.get("client_expires_at", NONE),
            promoted=True,
        )

    async def promote(self, state: State) -> State:
        """Put the new credential in force."""
        secret = await self._store.secret()
        held = secret.get("client_id", NONE).reveal()
        if held == state.new_id:
            return await self._serve(state, secret)
        if held != state.old_id:
            raise StepFailed(BY_HAND)
        new = self._next(secret, state)
        await self._prove_new(new)
        await self._lock.renew()
        await self._store.change(
            {
                **dict.fromkeys(NEXT),
                "client_id": new.client_id,
                "client_secret": new.client_secret,
                "client_created_at": secret.get("next_client_created_at"),
                "client_expires_at": secret.get("next_client_expires_at"),
            },
            since=secret,
        )
        return await self._move(state, "soaking")

    async def look(self, state: State) -> ListedCredential | None:
        """Return the old credential in Dinie's list, if the new one works."""
        current = await self._in_force(state)
        await self._prove_new(current)
        return policy.find(await self._dinie.credentials(current), state.old_id)

    async def soaked(self, state: State) -> State:
        """Go on to wait until the old credential is idle."""
        return await self._move(state, "revoking")

    async def retire(self, state: State) -> State:
        """Store that from here on the old credential may be revoked."""
        return await self._move(state, "deleting")

    async def delete(self, state: State) -> State:
        """Revoke the old credential, if the new one works."""
        current = await self._in_force(state)
        await self._dinie.prove(current)
        await self._revoker.revoke(current, lambda one: one.client_id == state.old_id)
        return await self._end(state, "done")

    async def _in_force(self, state: State) -> Pair:
        """Return the new credential, if it is in force."""
        current = await self._context.current()
        if current.client_id.reveal() != state.new_id or state.new_id == state.old_id:
            raise StepFailed(BY_HAND)
        return current


def _next(made: Created, state: State) -> dict[str, Secret | None]:
    return {
        "next_client_id": made.pair.client_id,
        "next_client_secret": made.pair.client_secret,
        "next_client_created_at": _moment(made.created),
        "next_client_expires_at": _moment(made.expires),
        OWNER: Secret(state.id),
    }


def _moment(unix: float | None) -> Secret | None:
    return None if unix is None else Secret(f"{unix:.0f}")
