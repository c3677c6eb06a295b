"""The steps of a rotation: each looks before it acts, and can be taken again.

Whoever acts outside of the state renews the lock right before: a run that slept through
its lock stops there. What it may still have under way is caught by what each write
expects: the fields of this very rotation, and of no other.
"""

from collections.abc import Mapping
from typing import Final

from gateway.rotation import policy
from gateway.rotation.context import CURRENT, Context
from gateway.rotation.lock import Lock
from gateway.rotation.policy import NEXT, NONE, Known, Phase, State
from gateway.rotation.ports import CredentialRefused, LockLost, Pair, StepFailed
from gateway.rotation.revoke import Revoker
from gateway.secret import Secret

_PAIR: Final = NEXT[:2]
_OWNER: Final = "next_client_rotation"
_BY_HAND: Final = (
    "Somebody changed client_id or next_client_id by hand, and nothing is revoked: "
    "put back what was there, or use --abort."
)


class NewRefused(CredentialRefused):
    """Dinie does not take the new credential, after it did once."""


class Steps:
    """Each takes the state as it is written down and returns the next one, written."""

    def __init__(self, context: Context, lock: Lock) -> None:
        """Wire the steps; `lock` is held."""
        self._context = context
        self._store = context.store
        self._dinie = context.dinie
        self._lock = lock
        self._revoker = Revoker(context.store, context.dinie, lock)

    async def begin(self) -> State:
        """Write down that a rotation begins."""
        now = self._context.clock.unix()
        current = await self._context.current()
        old_id = current.client_id.reveal()
        state = State(self._context.new_id(), "creating", now, now, old_id)
        await self._lock.write(state)
        self._context.say(f"Rotation {state.id} has begun.")
        return state

    async def create(self, state: State) -> State:
        """Create the new credential, unless that was done, and store it as next."""
        secret = await self._store.secret()
        if _is_ours(secret, state):
            new_id = secret["next_client_id"].reveal()
            return await self._move(state, "stored", new_id=new_id)
        current = self._context.pair(secret, CURRENT)
        await self._clear(secret, current)
        if abs(self._context.clock.unix() - state.started) > policy.REPLAY:
            # The key would create a second one by now, and the first is lost.
            await self._revoke_created(state, current)
            return await self.begin()
        await self._lock.renew()
        made = await self._dinie.create(current, name=state.name, key=state.key)
        new = self._context.checked(made.pair)
        try:
            await self._lock.renew()
        except LockLost:
            await self._revoker.late(new, state)
            raise
        await self._store.change(
            {
                "next_client_id": new.client_id,
                "next_client_secret": new.client_secret,
                "next_client_created_at": _moment(made.created),
                "next_client_expires_at": _moment(made.expires),
                _OWNER: Secret(state.id),
            },
            expect={"client_id": current.client_id, "next_client_id": None},
        )
        return await self._move(state, "stored", new_id=new.client_id.reveal())

    async def verify(self, state: State) -> State:
        """Prove the new credential for the first time."""
        await self._dinie.prove(await self._next(state))
        return await self._move(state, "canary")

    async def decide(self, state: State) -> State:
        """Prove it once more and note the way back, before the swap."""
        secret = await self._store.secret()
        current = self._context.pair(secret, CURRENT)
        if current.client_id.reveal() == state.new_id:  # somebody was quicker
            return await self._move(state, "soaking", promoted=True)
        await self._prove_new(await self._next(state))
        if current.client_id.reveal() != state.old_id:
            raise StepFailed(_BY_HAND)
        return await self._move(
            state,
            "promoting",
            old_secret=current.client_secret,
            old_created=secret.get("client_created_at", NONE),
            old_expires=secret.get("client_expires_at", NONE),
            promoted=True,
        )

    async def promote(self, state: State) -> State:
        """Make it the credential of all gateways."""
        secret = await self._store.secret()
        held = secret.get("client_id", NONE).reveal()
        if held not in {state.new_id, state.old_id}:
            raise StepFailed(_BY_HAND)
        if held != state.new_id:
            new = await self._next(state)
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
                expect={
                    "client_id": Secret(state.old_id),
                    "next_client_id": new.client_id,
                    _OWNER: Secret(state.id),
                },
            )
        return await self._move(state, "soaking")

    async def look(self, state: State) -> Known | None:
        """Return the old credential as Dinie knows it, if the new one works."""
        current = await self._in_force(state)
        await self._prove_new(current)
        return policy.find(await self._dinie.credentials(current), state.old_id)

    async def soaked(self, state: State) -> State:
        """Go on to wait for the old one to fall silent."""
        return await self._move(state, "revoking")

    async def retire(self, state: State) -> State:
        """Write down that from here on the old one may be gone."""
        return await self._move(state, "deleting")

    async def delete(self, state: State) -> State:
        """Revoke the old one, if the new one works."""
        current = await self._in_force(state)
        await self._dinie.prove(current)
        await self._revoker.revoke(current, lambda one: one.client_id == state.old_id)
        return await self._move(
            state, "done", old_secret=NONE, old_created=NONE, old_expires=NONE
        )

    async def turn_back(self, state: State) -> State:
        """Begin to go back, if what gateways then have works."""
        current = await self._context.current()
        swapped = state.new_id and current.client_id.reveal() == state.new_id
        try:
            await self._dinie.prove(_old(state) if swapped else current)
        except CredentialRefused:
            # Without a way back that works, the way on is the better one.
            raise StepFailed(
                "There is no way back: Dinie refuses the old credential. Run the "
                "rotation on, or put a working credential in force."
            ) from None
        return await self._move(state, "restoring")

    async def restore(self, state: State) -> State:
        """Put the old credential back."""
        secret = await self._store.secret()
        held = secret.get("client_id")
        fields: dict[str, Secret | None] = {}
        if _is_ours(secret, state):
            fields |= dict.fromkeys(NEXT)
        if state.new_id and held == Secret(state.new_id):
            old = _old(state)
            if not await self._takes(old):
                return await self._forward(state)
            fields |= {"client_id": old.client_id, "client_secret": old.client_secret}
            fields["client_created_at"] = state.old_created or None
            fields["client_expires_at"] = state.old_expires or None
        elif fields and not await self._takes(self._context.pair(secret, CURRENT)):
            # What is about to be thrown away is all that is left.
            return await self._move(state, "canary")
        if fields:
            await self._lock.renew()
            await self._store.change(
                fields, expect={"client_id": held, _OWNER: secret.get(_OWNER)}
            )
        return await self._move(state, "withdrawing")

    async def withdraw(self, state: State) -> State:
        """Revoke what was created, also where its answer was lost."""
        current = await self._context.current()
        if state.new_id and current.client_id.reveal() == state.new_id:
            return await self._forward(state)
        await self._dinie.prove(current)
        await self._revoke_created(state, current)
        return await self._move(
            state, "aborted", old_secret=NONE, old_created=NONE, old_expires=NONE
        )

    async def _forward(self, state: State) -> State:
        """Go on with the new credential, which is in force, and works."""
        await self._dinie.prove(await self._in_force(state))
        self._context.say("Only the new credential works: the rotation goes on.")
        return await self._move(state, "soaking")

    async def _clear(self, secret: Mapping[str, Secret], current: Pair) -> None:
        """Take away what an earlier rotation left as next, and nothing else.

        A run that had lost its lock may have stored it, whatever came of it at Dinie.
        """
        left = secret.get("next_client_id")
        if not left:
            return
        if left == current.client_id or not secret.get(_OWNER):
            raise StepFailed(
                "next_client_id is there, and no rotation made it: remove next_* "
                "from the secret, and revoke it at Dinie if nobody needs it."
            )
        await self._revoker.revoke(current, lambda one: one.client_id == left.reveal())
        await self._lock.renew()
        await self._store.change(
            dict.fromkeys(NEXT),
            expect={"client_id": current.client_id, "next_client_id": left},
        )

    async def _revoke_created(self, state: State, current: Pair) -> None:
        await self._revoker.revoke(
            current,
            lambda one: one.name == state.name or one.client_id == state.new_id,
        )

    async def _move(self, state: State, phase: Phase, **changes: object) -> State:
        moved = state.to(phase, self._context.clock.unix(), **changes)
        await self._lock.write(moved)
        return moved

    async def _next(self, state: State) -> Pair:
        """Return the new credential where it is this rotation's own."""
        pair = self._context.pair(await self._store.secret(), _PAIR)
        if pair.client_id.reveal() != state.new_id:
            raise StepFailed(_BY_HAND)
        return pair

    async def _in_force(self, state: State) -> Pair:
        """Return the new credential where it is the one in force."""
        current = await self._context.current()
        if current.client_id.reveal() != state.new_id or state.new_id == state.old_id:
            raise StepFailed(_BY_HAND)
        return current

    async def _takes(self, pair: Pair) -> bool:
        """Return whether Dinie takes a credential."""
        try:
            await self._dinie.prove(pair)
        except CredentialRefused:
            return False
        return True

    async def _prove_new(self, pair: Pair) -> None:
        try:
            await self._dinie.prove(pair)
        except CredentialRefused as refused:
            raise NewRefused(str(refused)) from None


def _old(state: State) -> Pair:
    return Pair(Secret(state.old_id), state.old_secret)


def _is_ours(secret: Mapping[str, Secret], state: State) -> bool:
    return secret.get(_OWNER) == Secret(state.id) and bool(secret.get(NEXT[0]))


def _moment(unix: float | None) -> Secret | None:
    return None if unix is None else Secret(f"{unix:.0f}")
