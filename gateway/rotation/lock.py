"""The lock of a rotation: it expires, and is in the same secret as the state."""

from types import TracebackType
from typing import Final, Self

from gateway.core.clock import Clock
from gateway.core.secret import Secret
from gateway.rotation import loss, policy
from gateway.rotation.policy import State
from gateway.rotation.ports import Conflict, Fields, LockLost, StepFailed, Store

SKEW: Final = 60.0  # s by which the clocks of holder and store may differ
APART: Final = 300.0  # s; a clock that is off by more must not time a rotation
_WEBHOOK: Final = "webhook_"
_HOLDER: Final = "lock_holder"
_UNTIL: Final = "lock_until"


class LockHeld(Exception):  # noqa: N818 - named for what happened
    """Another run holds the lock.

    Attributes:
        holder: Name of that run.
        until: Unix, s; when the lock expires.
    """

    def __init__(self, holder: str, until: float) -> None:
        super().__init__(f"held by {holder}")
        self.holder = holder
        self.until = until


class Lock:
    """A context manager that holds the lock; each write of the state renews it."""

    def __init__(self, store: Store, *, holder: str, ttl: float, clock: Clock) -> None:
        """Hold nothing yet.

        Args:
            store: Holds the state.
            holder: Names this run.
            ttl: s for which each write holds the lock.
            clock: Real or fake.
        """
        self._store = store
        self._holder = holder
        self._ttl = ttl
        self._clock = clock
        self._held = False
        self._version = 0  # of the state, after this run's last read or write
        self.lost = ""  # how an earlier state was lost, until another rotation begins
        self.state: State | None = None
        self.webhook: dict[str, Secret] = {}  # fields of the webhook secret's rotation

    async def __aenter__(self) -> Self:
        """Take the lock.

        Raises:
            LockHeld: another run has it.
            StepFailed: the state cannot be read.
        """
        await self._read()
        try:
            await self._write(self.state, self.webhook)
        except LockLost:
            await self._read()
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
            return  # another run has it by now
        self._held = False
        try:
            await self._write(self.state, self.webhook, held=False)
        except (Conflict, StepFailed):
            return  # it expires by itself

    async def write(self, state: State) -> None:
        """Write the state, which renews the lock.

        Raises:
            LockLost: the lock had expired, and another run took it.
        """
        await self._write(state, self.webhook)
        self.state = state

    async def write_webhook(self, fields: dict[str, Secret]) -> None:
        """Write the state of the webhook secret's rotation, which renews the lock.

        Raises:
            LockLost: the lock had expired, and another run took it.
        """
        await self._write(self.state, fields)
        self.webhook = fields

    async def renew(self) -> None:
        """Renew the lock, before a change at Dinie or to the gateways' secret.

        Raises:
            LockLost: it had expired, and another run took it.
        """
        await self._write(self.state, self.webhook)

    async def check_clock(self) -> None:
        """Compare this clock with the store's, by which the lock was just written.

        Raises:
            StepFailed: they are too far apart for the waits of a rotation.
        """
        written = (await self._store.state()).created
        apart = 0.0 if written is None else abs(self._clock.unix() - written)
        if apart > APART:
            raise StepFailed(
                f"This machine's clock and Vault's are {apart:.0f} s apart, and a "
                "rotation that waits by a wrong one revokes what is in use: set it. "
                "--abort works meanwhile."
            )

    async def _read(self) -> None:
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
        """Return when the lock expires, Unix, s."""
        until = policy.moment(
            {name: value.reveal() for name, value in fields.items()}, _UNTIL
        )
        return lock_end(until, fields.created, ttl=self._ttl)

    async def break_open(self) -> LockHeld | None:
        """End the lock of any holder; return the lock that was held, None: none was.

        Nothing else of the state is changed. A holder that still runs stops at its
        next write.

        Raises:
            Conflict: another run wrote in between.
            StepFailed: the store refuses the write.
        """
        fields = await self._store.state()
        try:
            until = self._end(fields)
        except ValueError:
            until = float("inf")  # damaged: taken as held without an end
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
    """Return when a lock expires, Unix, s.

    A holder whose clock is ahead writes an end that is too late. A write holds the lock
    for `ttl` at most, by the store's own clock.

    Args:
        until: The end that the holder wrote.
        written: When it wrote, by the store's clock; None: unknown.
        ttl: s for which each write holds the lock.
    """
    return until if written is None else min(until, written + ttl + SKEW)


def damaged(error: ValueError) -> str:
    """Return the error text for a state that cannot be read."""
    return (
        f"The rotation's state is damaged: {error}. Look at its earlier versions in "
        "Vault, and put the newest that is whole back."
    )
