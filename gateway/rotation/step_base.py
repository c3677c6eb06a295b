"""What all steps of a rotation share.

A step reads the gateways' secret, renews the lock, and writes the secret only if it was
not written since the read. A run that turns a rotation writes it even where nothing
changes, so that a write that an earlier run has under way fails.
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
    """Dinie refuses the new credential, after it once took it."""


class StepBase:
    """The base of the steps forward and back."""

    def __init__(self, context: Context, lock: Lock) -> None:
        """Hold what the steps share.

        Args:
            context: Of this run.
            lock: Held while steps are taken.
        """
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
        """Go on to soak the new credential, which is in force; remove next_*."""
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
        """Return whether Dinie takes a credential; False for an incomplete one."""
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
        """Return the new credential, if it is this rotation's own."""
        if not is_ours(secret, state) or secret[PAIR[0]] != Secret(state.new_id):
            raise StepFailed(BY_HAND)
        return self._context.pair(secret, PAIR)


def is_ours(secret: Mapping[str, Secret], state: State) -> bool:
    """Return whether next_* is the credential that this rotation created."""
    return secret.get(OWNER, NONE) == Secret(state.id) and bool(secret.get(PAIR[0]))
