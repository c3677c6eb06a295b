"""The lock of a rotation: it runs out, and lies in the same secret as the state."""

from types import TracebackType
from typing import Final, Self

from gateway.core.clock import Clock
from gateway.core.secret import Secret
from gateway.rotation import loss, policy
from gateway.rotation.policy import State
from gateway.rotation.ports import Conflict, Fields, LockLost, StepFailed, Store

SKEW: Final = 60.0  # s by which the clocks of holder and store may differ
APART: Final = 300.0  # s; from here on nothing is waited for by such a clock
_WEBHOOK: Final = "webhook_"
_HOLDER: Final = "lock_holder"
_UNTIL: Final = "lock_until"


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
        """Take nothing yet.

        Args:
            store: Where the state is.
            holder: Who this is.
            ttl: s for which each write holds the lock.
            clock: Real or fake.
        """
        self._store = store
        self._holder = holder
        self._ttl = ttl
        self._clock = clock
        self._held = False
        self._version = 0  # of the state, as this run read or wrote it last
        self.lost = ""  # how the state before was lost, until another has begun
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

    async def check_clock(self) -> None:
        """Hold this clock against the store's, by which the lock was written just now.

        Raises:
            StepFailed: they are so far apart that no wait of a rotation is kept.
        """
        written = (await self._store.state()).created
        apart = 0.0 if written is None else abs(self._clock.unix() - written)
        if apart > APART:
            raise StepFailed(
                f"This machine's clock and Vault's are {apart:.0f} s apart, and a "
                "rotation that waits by a wrong one revokes what is in use: set it. "
                "--abort works meanwhile."
            )

    async def _look(self) -> None:
        fields = await self._store.state()
        self._version = fields.version
        self.lost = loss.read_loss(fields)
        self.webhook = {k: v for k, v in fields.items() if k.startswith(_WEBHOOK)}
        try:
            self.state = policy.read(fields)
            until = self._end(fields)
        except ValueError as error:
            raise StepFailed(damaged(error)) from None
        holder = _holder(fields)
        if holder and holder != self._holder and until > self._clock.unix():
            raise LockHeld(holder, until)

    def _end(self, fields: Fields) -> float:
        """Return until when the lock is believed, Unix, s."""
        until = policy.moment(
            {name: value.reveal() for name, value in fields.items()}, _UNTIL
        )
        return lock_end(until, fields.created, ttl=self._ttl)

    async def break_open(self) -> LockHeld | None:
        """End the lock, whoever holds it; return whose it was, None: it was free.

        Nothing else of the state is changed. A holder that lives stops at its next
        write.

        Raises:
            Conflict: somebody wrote in between.
            StepFailed: the store does not take it.
        """
        fields = await self._store.state()
        try:
            until = self._end(fields)
        except ValueError:
            until = float("inf")  # damaged: held for ever, as far as anybody can tell
        holder = _holder(fields)
        if not holder or until <= self._clock.unix():
            return None
        free = {**fields, _HOLDER: Secret(""), _UNTIL: Secret("0")}
        await self._store.write_state(free, since=fields.version)
        return LockHeld(holder, until)

    async def _write(
        self, state: State | None, webhook: dict[str, Secret], *, held: bool = True
    ) -> None:
        until = self._clock.unix() + self._ttl if held else 0.0
        fields = {} if state is None else policy.write(state)
        fields |= webhook
        if state is None and self.lost:
            fields[loss.FIELD] = Secret(self.lost)
        fields[_HOLDER] = Secret(self._holder if held else "")
        fields[_UNTIL] = Secret(f"{until:.3f}")
        try:
            self._version = await self._store.write_state(fields, since=self._version)
        except Conflict as conflict:
            raise LockLost(str(conflict)) from None


def _holder(fields: Fields) -> str:
    return fields.get(_HOLDER, Secret("")).reveal()


def lock_end(until: float, written: float | None, *, ttl: float) -> float:
    """Return until when a lock is believed, Unix, s.

    A holder whose clock is ahead writes an end that lies far away. Each of its writes
    holds the lock for `ttl` from then on, by the store's own clock.

    Args:
        until: What the holder wrote.
        written: When, by the store's clock; None: it does not tell.
        ttl: s for which a lock is held.
    """
    return until if written is None else min(until, written + ttl + SKEW)


def damaged(error: ValueError) -> str:
    """Return what is said of a state that cannot be read."""
    return (
        f"The rotation's state is damaged: {error}. Look at its earlier versions in "
        "Vault, and put the newest that is whole back."
    )
