"""Who rotates now? A lock that runs out, in the same secret as the state."""

from types import TracebackType
from typing import Final, Self

from gateway.clock import Clock
from gateway.rotation import policy
from gateway.rotation.policy import State
from gateway.rotation.ports import Conflict, StepFailed, Store
from gateway.secret import Secret

_WEBHOOK: Final = "webhook_"


class LockHeld(Exception):  # noqa: N818 - named for what happened
    """Another run holds the lock.

    Attributes:
        holder: Who.
        until: Unix, s; when it runs out.
    """

    def __init__(self, holder: str, until: float) -> None:
        super().__init__(f"held by {holder}")
        self.holder = holder
        self.until = until


class Lock:
    """A context that holds the lock; each write of the state renews it."""

    def __init__(self, store: Store, *, holder: str, ttl: float, clock: Clock) -> None:
        """Wire a lock; `ttl` in s."""
        self._store = store
        self._holder = holder
        self._ttl = ttl
        self._clock = clock
        self._held = False
        self.state: State | None = None
        self.webhook: dict[str, Secret] = {}  # fields of the webhook secret's rotation

    async def __aenter__(self) -> Self:
        """Take the lock.

        Raises:
            LockHeld: somebody else has it.
            StepFailed: the state cannot be understood.
        """
        await self._look()
        try:
            await self._write(self._clock.unix() + self._ttl)
        except Conflict:
            await self._look()
            raise LockHeld("another run", self._clock.unix() + self._ttl) from None
        self._held = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._held or isinstance(error, Conflict):
            return  # somebody else has it by now
        self._held = False
        try:
            await self._write(0.0)
        except (Conflict, StepFailed):
            return  # it runs out by itself

    async def write(self, state: State) -> None:
        """Write the state down, and hold the lock for another while.

        Raises:
            Conflict: the lock had run out, and somebody else goes on.
        """
        self.state = state
        await self._write(self._clock.unix() + self._ttl)

    async def write_webhook(self, fields: dict[str, Secret]) -> None:
        """Write the state of the webhook secret's rotation down, as `write` does.

        Raises:
            Conflict: the lock had run out, and somebody else goes on.
        """
        self.webhook = fields
        await self._write(self._clock.unix() + self._ttl)

    async def _look(self) -> None:
        fields = await self._store.state()
        self.webhook = {k: v for k, v in fields.items() if k.startswith(_WEBHOOK)}
        try:
            self.state = policy.read(fields)
            until = float(fields.get("lock_until", Secret("0")).reveal() or 0)
        except ValueError as error:
            raise StepFailed(f"The rotation's state is damaged: {error}.") from None
        holder = fields.get("lock_holder", Secret("")).reveal()
        if holder and holder != self._holder and until > self._clock.unix():
            raise LockHeld(holder, until)

    async def _write(self, until: float) -> None:
        fields = {} if self.state is None else policy.write(self.state)
        fields |= self.webhook
        fields["lock_holder"] = Secret(self._holder if until else "")
        fields["lock_until"] = Secret(f"{until:.3f}")
        await self._store.write_state(fields)
