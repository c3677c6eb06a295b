"""Who rotates now? A lock that runs out, in the same secret as the state."""

from types import TracebackType
from typing import Final, Self

from gateway.clock import Clock
from gateway.rotation import policy
from gateway.rotation.policy import State
from gateway.rotation.ports import Conflict, LockLost, StepFailed, Store
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
        self._version = 0  # of the state, as this run read or wrote it last
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
            await self._write(self.state, self.webhook)
        except LockLost:
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
        if not self._held or isinstance(error, LockLost):
            return  # somebody else has it by now
        self._held = False
        try:
            await self._write(self.state, self.webhook, held=False)
        except (Conflict, StepFailed):
            return  # it runs out by itself

    async def write(self, state: State) -> None:
        """Write the state down, and hold the lock for another while.

        Raises:
            LockLost: the lock had run out, and somebody else goes on.
        """
        await self._write(state, self.webhook)
        self.state = state

    async def write_webhook(self, fields: dict[str, Secret]) -> None:
        """Write the state of the webhook secret's rotation down, as `write` does.

        Raises:
            LockLost: the lock had run out, and somebody else goes on.
        """
        await self._write(self.state, fields)
        self.webhook = fields

    async def renew(self) -> None:
        """Hold the lock for another while, before something is done outside.

        Raises:
            LockLost: it had run out, and somebody else goes on.
        """
        await self._write(self.state, self.webhook)

    async def _look(self) -> None:
        fields = await self._store.state()
        self._version = fields.version
        self.webhook = {k: v for k, v in fields.items() if k.startswith(_WEBHOOK)}
        texts = {name: value.reveal() for name, value in fields.items()}
        try:
            self.state = policy.read(fields)
            until = policy.moment(texts, "lock_until")
        except ValueError as error:
            raise StepFailed(damaged(error)) from None
        holder = texts.get("lock_holder", "")
        if holder and holder != self._holder and until > self._clock.unix():
            raise LockHeld(holder, until)

    async def _write(
        self, state: State | None, webhook: dict[str, Secret], *, held: bool = True
    ) -> None:
        until = self._clock.unix() + self._ttl if held else 0.0
        fields = {} if state is None else policy.write(state)
        fields |= webhook
        fields["lock_holder"] = Secret(self._holder if held else "")
        fields["lock_until"] = Secret(f"{until:.3f}")
        try:
            self._version = await self._store.write_state(fields, since=self._version)
        except Conflict as conflict:
            raise LockLost(str(conflict)) from None


def damaged(error: ValueError) -> str:
    """Return what is said of a state that cannot be read."""
    return (
        f"The rotation's state is damaged: {error}. Look at its earlier versions in "
        "Vault, and put the newest that is whole back."
    )
