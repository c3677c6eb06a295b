"""The dependencies of one run of a rotation, and the credential in force."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.clock import Clock
from gateway.core.secret import Secret
from gateway.rotation.lock import Lock
from gateway.rotation.options import RotationOptions
from gateway.rotation.policy import SETTLE
from gateway.rotation.ports import Dinie, Pair, StepFailed, Store

CURRENT: Final = ("client_id", "client_secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What one run of the command works with."""

    store: Store
    dinie: Dinie
    options: RotationOptions
    clock: Clock
    new_id: Callable[[], str]  # makes the id of a rotation
    holder: str  # names this run in the lock
    guard: Callable[[Pair], list[str]]  # returns why a pair is of another environment
    report: Callable[[str], object]  # takes a line after each step
    settle: float = SETTLE  # s in which every gateway has read a changed secret

    def lock(self) -> Lock:
        """Return the lock of this run."""
        return Lock(
            self.store,
            holder=self.holder,
            ttl=self.options.lock_ttl,
            clock=self.clock,
        )

    async def current(self) -> Pair:
        """Return the credential in force.

        Raises:
            StepFailed: there is none, or it is of another environment.
        """
        return self.pair(await self.store.secret(), CURRENT)

    def pair(self, secret: Mapping[str, Secret], names: Sequence[str]) -> Pair:
        """Return two fields of the secret as a credential of this environment.

        Args:
            secret: The one that gateways read.
            names: Of the fields: client id, then secret.

        Raises:
            StepFailed: one is missing, or they are of another environment.
        """
        if missing := [name for name in names if not secret.get(name)]:
            raise StepFailed(f"The secret lacks {' and '.join(missing)}.")
        return self.checked(Pair(secret[names[0]], secret[names[1]]))

    def checked(self, pair: Pair) -> Pair:
        """Return a pair that is of this environment.

        Raises:
            StepFailed: it is of another.
        """
        if faults := self.guard(pair):
            raise StepFailed("; ".join(faults))
        return pair
