"""Maintains the inbox: opens, probes, counts and tidies it, and follows the clock.

Source: docs/adr/0010-inbox.md.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.core.clock import Clock, ConfirmedTime
from gateway.inbox.ports import InboxStore, StoreUnavailable

_INTERVAL: Final = 2.0  # s
_RETRY_INTERVAL: Final = 1.0  # s, while the store cannot be used
_TIDY_INTERVAL: Final = 60.0  # s
_TIDY_SPAN: Final = 1.0  # s for steps of tidying, between two rounds
_PAUSE: Final = 0.02  # s between steps that removed something
_IDLE_PAUSE: Final = 0.1  # s between steps that removed nothing
_PROBE_TIMEOUT: Final = 3.0  # s; an arrival would be refused by then
_NOT_YET: Final = "the inbox is not open yet"
_JUMP: Final = 2.0  # s by which the clock was set back, at least


@dataclass(frozen=True, slots=True)
class Tidied:
    """The result of one step of tidying."""

    removed: int  # rows
    freed: int  # pages returned to the disk
    finished: bool  # whether nothing more is to be done


class InboxAdministration(Protocol):
    """Counts, tidies and probes the inbox; implemented by `InboxQueries`.

    All methods raise `StoreUnavailable` where the store does not respond.
    """

    async def counts(self) -> Any:
        """Return how full the inbox is."""

    async def tidy(self, *, keep: float, now: float) -> Tidied:
        """Remove some of what is no longer needed.

        Args:
            keep: s for which events are kept.
            now: Unix, s.
        """

    async def probe(self, room: int) -> None:
        """Write something, and check that so many more bytes have room."""


class Maintenance:
    """Maintains the inbox of one gateway."""

    def __init__(
        self,
        store: InboxStore,
        administration: InboxAdministration,
        *,
        keep: float,
        room: int,
        clock: Clock,
        on_counts: Callable[[Any], Any],
        on_event: Callable[..., Any],
    ) -> None:
        """Begin with an inbox that is not open.

        Args:
            store: Holds the deliveries.
            administration: Works on the same database.
            keep: s for which events are kept.
            room: Bytes that the largest arrival takes.
            clock: Real or fake.
            on_counts: Takes how full the inbox is, every few s.
            on_event: Takes an event's name and safe fields, for the log.
        """
        self._store = store
        self._administration = administration
        self._keep = keep
        self._room = room
        self._clock = clock
        self._on_counts = on_counts
        self._on_event = on_event
        self._trouble: str | None = _NOT_YET
        self._offset = clock.unix() - clock.now()
        self._tidy_at = clock.now()
        self._confirmed = ConfirmedTime(clock)
        self.begun = asyncio.Event()  # the file is open, and old leases are released

    @property
    def trouble(self) -> str | None:
        """Return why nothing can be stored now; None: it can."""
        return self._trouble

    async def run(self) -> None:
        """Maintain the inbox for as long as the gateway runs."""
        while True:
            await self.maintain()
            wait = _INTERVAL if self._trouble is None else _RETRY_INTERVAL
            await self._clock.sleep(wait)

    async def maintain(self) -> None:
        """Do what is due; a store that does not respond is tried again soon."""
        try:
            if not self.begun.is_set():
                back = await self._store.reclaim()
                await self._store.limit_due_times()
                self.begun.set()
                self._on_event("inbox_opened", taken_back=back)
            await self._probe()
            await self._follow_the_clock()
            await self._tidy()
            self._on_counts(await self._administration.counts())
        except StoreUnavailable as error:
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - it is tried again
            self._failed(f"a fault of the gateway's: {type(error).__name__}")
        else:
            if self._trouble not in {None, _NOT_YET}:
                self._on_event("inbox_available")
            self._trouble = None

    async def _probe(self) -> None:
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT):
                await self._administration.probe(self._room)
        except TimeoutError:
            raise StoreUnavailable("the disk did not respond in time") from None

    def _failed(self, reason: str) -> None:
        if reason != self._trouble:
            self._on_event("inbox_unavailable", reason=reason)
        self._trouble = reason

    async def _follow_the_clock(self) -> None:
        """Limit due times after the clock was set back: nothing waits for it."""
        offset = self._clock.unix() - self._clock.now()
        if offset < self._offset - _JUMP:
            moved = await self._store.limit_due_times()
            self._on_event(
                "clock_set_back", seconds=round(self._offset - offset), moved=moved
            )
        self._offset = offset

    async def _tidy(self) -> None:
        confirmed = self._confirmed.unix()  # each time: it must see the clock jump
        if confirmed is None or self._clock.now() < self._tidy_at:
            return
        until = self._clock.now() + _TIDY_SPAN
        while self._clock.now() < until:
            began = self._clock.now()
            tidied = await self._administration.tidy(keep=self._keep, now=confirmed)
            if tidied.finished:
                self._tidy_at = self._clock.now() + _TIDY_INTERVAL
                return
            took = self._clock.now() - began
            # Two thirds of the disk's time are for others.
            pause = _PAUSE if tidied.removed or tidied.freed else _IDLE_PAUSE
            await self._clock.sleep(max(2 * took, pause))
