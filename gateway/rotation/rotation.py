"""Runs the steps of a rotation, as far as it can go now."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from gateway.rotation import policy
from gateway.rotation.context import Context
from gateway.rotation.lock import SKEW
from gateway.rotation.loss import explain_loss
from gateway.rotation.policy import BACK, ENDED, Phase, State
from gateway.rotation.ports import StepFailed
from gateway.rotation.rollback import Rollback
from gateway.rotation.step_base import NewRefused
from gateway.rotation.steps import Steps


@dataclass(frozen=True, slots=True)
class Progress:
    """The result of a run."""

    state: State | None
    next_at: float | None  # Unix; when to run again; None: nothing is left to do
    message: str  # one sentence for the operator
    under_way: bool = False
    failed: bool = False  # it turned the other way, or none can be begun


class Rotation:
    """The 90-day rotation; one instance for one run of the command."""

    def __init__(self, context: Context) -> None:
        """Prepare a run."""
        self._context = context
        self._lock = context.lock()
        steps = self._take = Steps(context, self._lock)
        back = self._back = Rollback(context, self._lock)
        self._steps: Mapping[Phase, Callable[[State], Awaitable[State]]] = {
            "creating": steps.create,
            "stored": steps.verify,
            "canary": steps.decide,
            "promoting": steps.promote,
            "soaking": steps.soaked,
            "revoking": steps.retire,
            "deleting": steps.delete,
            "restoring": back.restore,
            "withdrawing": back.withdraw,
        }

    async def run(self, *, now: bool = False) -> Progress:
        """Begin a rotation if one is due, or continue the one that is under way.

        Args:
            now: Begin one although none is due, or after one that was aborted.

        Raises:
            StepFailed: a step failed; it can be repeated.
            LockHeld: another run is under way.
        """
        async with self._lock:
            await self._lock.check_clock()
            state = self._lock.state
            if self._lock.lost:
                self._context.report(explain_loss(self._lock.lost))
            if state is None or state.phase in ENDED:
                if not now and (idle := await self._idle(state)) is not None:
                    return idle
                state = await self._take.begin()
            return await self._go_on(await self._begun_by_now(state))

    async def abort(self) -> Progress:
        """Go back to the old credential and revoke the new one.

        Raises:
            StepFailed: a rollback is not possible, or a step failed.
            LockHeld: another run is under way.
        """
        async with self._lock:
            state = self._lock.state
            if self._lock.lost:
                self._context.report(explain_loss(self._lock.lost))
                message = await self._take.take_back()
                self._lock.lost = ""
                return Progress(None, None, message)
            if state is None or state.phase in ENDED:
                return Progress(state, None, "There is no rotation to abort.")
            if state.phase == "deleting" and await self._serves(state):
                raise StepFailed(
                    "The old credential may be revoked already, and the new one "
                    "works: let the rotation end, and begin another with --now."
                )
            if state.phase not in BACK:
                state = await self._back.turn_back(state)
            return await self._go_on(await self._begun_by_now(state))

    async def _begun_by_now(self, state: State) -> State:
        """Return the state, with its phase begun now where it began in the future.

        A run whose clock was ahead wrote such a one; the waits of the phase restart.
        """
        now = self._context.clock.unix()
        if state.since <= now + SKEW:
            return state
        dated = replace(state, since=now)
        await self._lock.write(dated)
        return dated

    async def _go_on(self, state: State) -> Progress:
        turned = False
        while state.phase not in ENDED:
            try:
                until, message = await self._wait(state)
                if until is not None and until > self._context.clock.unix():
                    return Progress(
                        state, until, message, under_way=True, failed=turned
                    )
                before, state = state, await self._steps[state.phase](state)
                turned = turned or _goes_on(before, state)
            except NewRefused:
                if turned:
                    raise
                self._context.report(
                    "Dinie refuses the new credential: the rotation goes back."
                )
                state = await self._back.turn_back(state)
                turned = True
            self._context.report(policy.DONE[state.phase])
        return Progress(state, None, policy.DONE[state.phase], failed=turned)

    async def _wait(self, state: State) -> tuple[float | None, str]:
        """Return when the phase's step can be taken, and what to report meanwhile."""
        now = self._context.clock.unix()
        old = None
        if state.phase in {"soaking", "revoking"}:
            old = await self._take.look(state)
        until = policy.wait_until(
            state, self._context.options, old, settle=self._context.settle
        )
        waits = until is not None and until > now
        if waits and state.phase == "revoking" and policy.is_forgotten(state, old):
            raise StepFailed(
                "The old credential is in use for days after the swap: find out who "
                "holds it (last_used_at at Dinie), or go back with --abort."
            )
        if waits and state.phase == "withdrawing" and await self._back.is_dead():
            until = None  # gateways went back to a credential that is refused
        return until, policy.WAITING.get(state.phase, "")

    async def _serves(self, state: State) -> bool:
        """Return whether the new credential is in force, and works."""
        current = await self._context.current()
        if current.client_id.reveal() != state.new_id:
            return False
        return not await self._back.is_dead()

    async def _idle(self, state: State | None) -> Progress | None:
        """Return why nothing is begun; None: a rotation is due."""
        current = await self._context.current()
        listed = await self._context.dinie.credentials(current)
        known = policy.find(listed, current.client_id.reveal())
        due = None
        if known is not None:
            due = policy.due_at(known.created, known.expires, self._context.options)
        late = due is None or due <= self._context.clock.unix()
        if state is not None and state.phase == "aborted":
            # A scheduled job must not undo an abort, but must fail when one is due.
            message = "The last rotation was aborted: begin the next with --now."
            return Progress(state, None, message, failed=late)
        if due is None:
            message = "Dinie does not say how old the credential in force is: "
            return Progress(state, None, message + "begin with --now.", failed=True)
        return None if late else Progress(state, due, "No rotation is due.")


def _goes_on(before: State, after: State) -> bool:
    """Return whether a rollback turned forward."""
    return before.phase in BACK and after.phase not in BACK | ENDED
