"""What do the ways on and back have in common?

Whoever writes the gateways' secret has read it before the lock was renewed, and writes
only if nobody wrote since. A run that turns a rotation writes the secret, too, also
where nothing in it changes: what an earlier run still has under way comes too late.
"""

from collections.abc import Mapping
from typing import Final

from gateway.core.secret import Secret
from gateway.rotation.context import Context
from gateway.rotation.lock import Lock
from gateway.rotation.policy import NEXT, NONE, Phase, State
from gateway.rotation.ports import CredentialRefused, Fields, Pair, StepFailed
from gateway.rotation.revoke import Revoker

PAIR: Final = NEXT[:2]
OWNER: Final = "next_client_rotation"
BY_HAND: Final = (
    "Somebody changed client_id or next_client_id by hand, and nothing is revoked: "
    "put back what was there, or use --abort."
)


class NewRefused(CredentialRefused):
    """Dinie does not take the new credential, after it did once."""


class StepBase:
    """What every step stands on."""

    def __init__(self, context: Context, lock: Lock) -> None:
        """Wire the steps; `lock` is held."""
        self._context = context
        self._store = context.store
        self._dinie = context.dinie
        self._lock = lock
        self._revoker = Revoker(context, lock)

    async def _move(self, state: State, phase: Phase, **changes: object) -> State:
        moved = state.to(phase, self._context.clock.unix(), **changes)
        await self._lock.write(moved)
        return moved

    async def _end(self, state: State, phase: Phase) -> State:
        ended = state.ended(phase, self._context.clock.unix())
        await self._lock.write(ended)
        return ended

    async def _serve(self, state: State, secret: Fields) -> State:
        """Go on with the new credential, which is in force: next_* is over."""
        await self._lock.renew()
        fields = dict.fromkeys(NEXT) if is_ours(secret, state) else {}
        await self._store.change(fields, since=secret)
        return await self._move(state, "soaking", promoted=True)

    async def _revoke_created(self, state: State, current: Pair) -> None:
        await self._revoker.revoke(
            current,
            lambda one: one.name == state.name or one.client_id == state.new_id,
        )

    async def _takes(self, pair: Pair) -> bool:
        """Return whether Dinie takes a credential; half of one is not asked for."""
        if not all((pair.client_id, pair.client_secret)):
            return False
        try:
            await self._dinie.prove(self._context.checked(pair))
        except CredentialRefused:
            return False
        return True

    async def _prove_new(self, pair: Pair) -> None:
        try:
            await self._dinie.prove(pair)
        except CredentialRefused as refused:
            raise NewRefused(str(refused)) from None

    def _next(self, secret: Mapping[str, Secret], state: State) -> Pair:
        """Return the new credential where it is this rotation's own."""
        if not is_ours(secret, state) or secret[PAIR[0]] != Secret(state.new_id):
            raise StepFailed(BY_HAND)
        return self._context.pair(secret, PAIR)


def is_ours(secret: Mapping[str, Secret], state: State) -> bool:
    """Return whether next_* is what this rotation made."""
    return secret.get(OWNER, NONE) == Secret(state.id) and bool(secret.get(PAIR[0]))
