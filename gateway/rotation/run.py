"""Takes a rotation as far as it can go now."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.clock import Clock
from gateway.rotation import policy
from gateway.rotation.lock import Lock
from gateway.rotation.options import RotationOptions
from gateway.rotation.policy import ABORTABLE, ENDED, Phase, State
from gateway.rotation.ports import Dinie, Pair, StepFailed, Store
from gateway.secret import Secret

_CURRENT: Final = ("client_id", "client_secret")
_NEXT: Final = ("next_client_id", "next_client_secret")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a rotation stands after a run."""

    state: State | None
    next_at: float | None  # Unix; when to run again; None: nothing is left to do
    said: str  # one sentence for a human
    under_way: bool = False


class Rotation:
    """The 90-day rotation; one instance for one run of the command."""

    def __init__(
        self,
        store: Store,
        dinie: Dinie,
        options: RotationOptions,
        *,
        clock: Clock,
        new_id: Callable[[], str],
        holder: str,
        guard: Callable[[Pair], list[str]],
        say: Callable[[str], object],
    ) -> None:
        """Wire a run.

        Args:
            store: Where secret and state are.
            dinie: Dinie's API.
            options: The spans.
            clock: Real or fake.
            new_id: Makes the id of a rotation.
            holder: Who this is, for the lock.
            guard: Returns why a pair belongs to another environment.
            say: Takes a line after each step.
        """
        self._store = store
        self._dinie = dinie
        self._options = options
        self._clock = clock
        self._new_id = new_id
        self._lock = Lock(store, holder=holder, ttl=options.lock_ttl, clock=clock)
        self._guard = guard
        self._say = say
        self._steps: Mapping[Phase, Callable[[State], Awaitable[State]]] = {
            "creating": self._create,
            "stored": self._verify,
            "canary": self._decide,
            "promoting": self._promote,
            "soaking": self._soaked,
            "revoking": self._revoke,
            "restoring": self._restore,
            "withdrawing": self._withdraw,
        }

    async def run(self, *, now: bool = False) -> Progress:
        """Begin a rotation if one is due, or go on with the one that was begun.

        Args:
            now: Begin one although none is due.

        Raises:
            StepFailed: a step did not work; it can be tried again.
            LockHeld: another run is under way.
        """
        async with self._lock:
            state = self._lock.state
            if state is None or state.phase in ENDED:
                due = await self._due_at()
                if not now and (due is None or due > self._clock.unix()):
                    return _not_due(state, due)
                state = await self._begin()
            return await self._go_on(state)

    async def abort(self) -> Progress:
        """Go back to the old credential and revoke the new one.

        Raises:
            StepFailed: there is no way back any more, or a step did not work.
        """
        async with self._lock:
            state = self._lock.state
            if state is None or state.phase in ENDED:
                return Progress(state, None, "There is no rotation to abort.")
            if state.phase not in ABORTABLE:
                raise StepFailed(
                    "The old credential may be revoked already: let the rotation end, "
                    "and begin another with --now."
                )
            if state.phase not in {"restoring", "withdrawing"}:
                if state.promoted:
                    # Without a way back that works, the way on is the better one.
                    await self._dinie.prove(
                        Pair(Secret(state.old_id), state.old_secret)
                    )
                state = await self._move(state, "restoring")
            return await self._go_on(state)

    async def _go_on(self, state: State) -> Progress:
        while state.phase not in ENDED:
            old = None
            if state.phase == "revoking":
                listed = await self._dinie.credentials(await self._current())
                old = policy.find(listed, state.old_id)
            until = policy.wait_until(state, self._options, old)
            if until is not None and until > self._clock.unix():
                return Progress(
                    state, until, policy.WAITING[state.phase], under_way=True
                )
            state = await self._steps[state.phase](state)
            self._say(policy.DONE[state.phase])
        return Progress(state, None, policy.DONE[state.phase])

    async def _begin(self) -> State:
        now = self._clock.unix()
        current = await self._current()
        state = State(self._new_id(), "creating", now, now, current.client_id.reveal())
        await self._lock.write(state)
        self._say(f"Rotation {state.id} has begun.")
        return state

    async def _create(self, state: State) -> State:
        """Create the new credential, unless that was done, and store it as next."""
        secret = await self._store.secret()
        if not secret.get("next_client_id"):
            current = await self._current()
            if self._clock.unix() - state.started > policy.REPLAY:
                # The key would create a second one by now, and the first is lost.
                await self._revoke_lost(state, current)
                return await self._move(state, "aborted")
            made = await self._dinie.create(current, name=state.name, key=state.key)
            if faults := self._guard(made.pair):
                raise StepFailed("; ".join(faults))
            await self._store.change(
                {
                    "next_client_id": made.pair.client_id,
                    "next_client_secret": made.pair.client_secret,
                    "next_client_created_at": Secret(f"{made.created:.0f}"),
                    "next_client_expires_at": _moment(made.expires),
                },
                expect={"client_id": current.client_id},
            )
            secret = await self._store.secret()
        new_id = secret["next_client_id"].reveal()
        if new_id == state.old_id:
            raise StepFailed("next_client_id is the one in force: remove next_*.")
        return await self._move(state, "stored", new_id=new_id)

    async def _verify(self, state: State) -> State:
        await self._dinie.prove(await self._pair(_NEXT))
        return await self._move(state, "canary")

    async def _decide(self, state: State) -> State:
        """Prove it once more and note the way back, before the swap."""
        await self._dinie.prove(await self._pair(_NEXT))
        current = await self._current()
        return await self._move(
            state, "promoting", old_secret=current.client_secret, promoted=True
        )

    async def _promote(self, state: State) -> State:
        secret = await self._store.secret()
        if secret["client_id"].reveal() != state.new_id:
            new = await self._pair(_NEXT)
            await self._store.change(
                {
                    "client_id": new.client_id,
                    "client_secret": new.client_secret,
                    "client_created_at": secret.get("next_client_created_at"),
                    "client_expires_at": secret.get("next_client_expires_at"),
                    "next_client_id": None,
                    "next_client_secret": None,
                    "next_client_created_at": None,
                    "next_client_expires_at": None,
                },
                expect={
                    "client_id": Secret(state.old_id),
                    "next_client_id": Secret(state.new_id),
                },
            )
        return await self._move(state, "soaking")

    async def _soaked(self, state: State) -> State:
        await self._dinie.prove(await self._current())
        return await self._move(state, "revoking")

    async def _revoke(self, state: State) -> State:
        current = await self._current()
        if current.client_id.reveal() != state.new_id or state.new_id == state.old_id:
            raise StepFailed(
                "Somebody changed client_id since the swap: nothing is revoked. "
                "Use --abort, or put the new credential back."
            )
        await self._dinie.prove(current)
        old = policy.find(await self._dinie.credentials(current), state.old_id)
        if old is not None and old.active:
            await self._dinie.revoke(current, state.old_id)
        return await self._move(state, "done", old_secret=policy.NONE)

    async def _restore(self, state: State) -> State:
        """Put the old credential back."""
        secret = await self._store.secret()
        fields: dict[str, Secret | None] = dict.fromkeys(
            (*_NEXT, "next_client_created_at", "next_client_expires_at")
        )
        if secret["client_id"].reveal() == state.new_id:
            old = Pair(Secret(state.old_id), state.old_secret)
            await self._dinie.prove(old)
            fields |= {"client_id": old.client_id, "client_secret": old.client_secret}
            fields |= {"client_created_at": None, "client_expires_at": None}
        await self._store.change(fields, expect={"client_id": secret["client_id"]})
        return await self._move(state, "withdrawing")

    async def _withdraw(self, state: State) -> State:
        await self._revoke_lost(state, await self._current())
        return await self._move(state, "aborted", old_secret=policy.NONE)

    async def _revoke_lost(self, state: State, current: Pair) -> None:
        """Revoke what this rotation created, also where its answer was lost."""
        for one in await self._dinie.credentials(current):
            ours = one.client_id == state.new_id or one.name == state.name
            if ours and one.active and one.client_id != current.client_id.reveal():
                await self._dinie.revoke(current, one.client_id)

    async def _move(self, state: State, phase: Phase, **changes: object) -> State:
        moved = state.to(phase, self._clock.unix(), **changes)
        await self._lock.write(moved)
        return moved

    async def _current(self) -> Pair:
        """Return the credential in force, before it is sent anywhere.

        Raises:
            StepFailed: there is none, or it is of another environment.
        """
        pair = await self._pair(_CURRENT)
        if faults := self._guard(pair):
            raise StepFailed("; ".join(faults))
        return pair

    async def _pair(self, names: tuple[str, str]) -> Pair:
        secret = await self._store.secret()
        missing = [name for name in names if not secret.get(name)]
        if missing:
            raise StepFailed(f"The secret lacks {' and '.join(missing)}.")
        return Pair(secret[names[0]], secret[names[1]])

    async def _due_at(self) -> float | None:
        """Return when the credential in force is due, by what Dinie knows of it."""
        current = await self._current()
        listed = await self._dinie.credentials(current)
        known = policy.find(listed, current.client_id.reveal())
        if known is None:
            return None
        return policy.due_at(known.created, known.expires, self._options)


def _moment(unix: float | None) -> Secret | None:
    return None if unix is None else Secret(f"{unix:.0f}")


def _not_due(state: State | None, due: float | None) -> Progress:
    if due is None:
        said = "Dinie does not list the credential in force, so its age is unknown: "
        return Progress(state, None, said + "begin with --now.")
    return Progress(state, due, "No rotation is due.")
