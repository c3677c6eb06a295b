"""What does the inbox need from time to time? Counted, tidied, and set right."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from gateway.core.clock import Clock, ConfirmedTime
from gateway.inbox.ports import StoreUnavailable

_LOOK: Final = 2.0  # s
_TIDY_EVERY: Final = 60.0  # s
_TIDY_FOR: Final = 1.0  # s, between two looks
_PAUSE: Final = 0.02  # s between steps of tidying
_IDLE: Final = 0.1  # s between those that removed nothing
_LONGEST_PROBE: Final = 3.0  # s; a delivery would be refused by then
_SOON: Final = 1.0  # s between tries to begin
_NOT_YET: Final = "the inbox is not open yet"
_JUMP: Final = 2.0  # s by which the clock was set back, at least


class Store(Protocol):
    """What is done with the store besides receiving and delivering.

    All raise `StoreUnavailable` where it does not answer.
    """

    async def reclaim(self) -> int:
        """Take back what this gateway had leased before it ended."""

    async def set_right(self) -> int:
        """Bring moments into reach after the clock was set back."""


class Tidied(Protocol):
    """What one step of tidying did."""

    @property
    def changed(self) -> bool:
        """Whether it removed something, or gave room back."""

    @property
    def is_all(self) -> bool:
        """Whether there is nothing more to do."""


class Desk(Protocol):
    """See `Store`."""

    async def counts(self) -> Any:
        """Return how full the inbox is."""

    async def tidy(self, *, keep: float, now: float) -> "Tidied":
        """Remove some of what nobody waits for any more; `now` is Unix, s."""

    async def probe(self, room: int) -> None:
        """Write something, and see whether so many bytes more would have room."""


class Upkeep:
    """One for a gateway."""

    def __init__(
        self,
        store: Store,
        desk: Desk,
        *,
        keep: float,
        room: int,
        clock: Clock,
        on_counts: Callable[[Any], Any],
        on_event: Callable[..., Any],
    ) -> None:
        """Wire it.

        Args:
            store: Of deliveries.
            desk: The operator's view of it.
            keep: s for which an id is known.
            room: Bytes that the largest delivery takes.
            clock: Real or fake.
            on_counts: Takes how full the inbox is, every few s.
            on_event: Takes an event's name and safe fields, for the log.
        """
        self._store = store
        self._desk = desk
        self._keep = keep
        self._room = room
        self._clock = clock
        self._on_counts = on_counts
        self._on_event = on_event
        self._trouble: str | None = _NOT_YET
        self._offset = clock.unix() - clock.now()
        self._tidy_at = clock.now()
        self._confirmed = ConfirmedTime(clock)
        self.begun = asyncio.Event()  # the file is open, and old leases are back

    @property
    def trouble(self) -> str | None:
        """Return why nothing can be kept now; None: it can."""
        return self._trouble

    async def run(self) -> None:
        """Look after it for as long as the gateway runs."""
        while True:
            await self.look()
            await self._clock.sleep(_LOOK if self._trouble is None else _SOON)

    async def look(self) -> None:
        """Do what is due; a store that does not answer is asked again soon."""
        try:
            if not self.begun.is_set():
                back = await self._store.reclaim()
                await self._store.set_right()
                self.begun.set()
                self._on_event("inbox_opened", taken_back=back)
            await self._probe()
            await self._follow_the_clock()
            await self._tidy()
            self._on_counts(await self._desk.counts())
        except StoreUnavailable as error:
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - it looks again
            self._failed(f"a fault of the gateway's: {type(error).__name__}")
        else:
            if self._trouble not in {None, _NOT_YET}:
                self._on_event("inbox_available")
            self._trouble = None

    async def _probe(self) -> None:
        try:
            async with asyncio.timeout(_LONGEST_PROBE):
                await self._desk.probe(self._room)
        except TimeoutError:
            raise StoreUnavailable("the disk did not answer in time") from None

    def _failed(self, reason: str) -> None:
        if reason != self._trouble:
            self._on_event("inbox_unavailable", reason=reason)
        self._trouble = reason

    async def _follow_the_clock(self) -> None:
        """See to it that a clock that was set back holds nothing up."""
        offset = self._clock.unix() - self._clock.now()
        if offset < self._offset - _JUMP:
            moved = await self._store.set_right()
            self._on_event(
                "clock_set_back", seconds=round(self._offset - offset), moved=moved
            )
        self._offset = offset

    async def _tidy(self) -> None:
        confirmed = self._confirmed.unix()  # at each look: it must see the clock jump
        if confirmed is None or self._clock.now() < self._tidy_at:
            return
        until = self._clock.now() + _TIDY_FOR
        while self._clock.now() < until:
            began = self._clock.now()
            tidied = await self._desk.tidy(keep=self._keep, now=confirmed)
            if tidied.is_all:
                self._tidy_at = self._clock.now() + _TIDY_EVERY
                return
            took = self._clock.now() - began
            # Others have more of the disk; a look at what must stay is in no hurry.
            await self._clock.sleep(max(2 * took, _PAUSE if tidied.changed else _IDLE))
