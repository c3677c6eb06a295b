"""Places with a queue: a free one goes by lane, then to the caller that holds least."""

import asyncio
from collections import deque
from collections.abc import Mapping

from gateway.admission.places import Places, Presence
from gateway.core.errors import Overloaded
from gateway.core.lanes import Lane

_LATER = 5.0  # s; when batch work may come again
_Line = deque[asyncio.Future[None]]


class Slots(Places):
    """Places that can be waited for.

    A free place is handed on at once, so that a waiter is one that cannot go now. A
    newcomer that fits therefore overtakes none that would.
    """

    def __init__(
        self,
        size: int,
        *,
        presence: Presence | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """Begin empty, as `Places` does.

        Args:
            size: How many there are.
            presence: Tells whether a caller is alone; None: each is.
            weights: Of callers; others have 1.
        """
        super().__init__(size, presence=presence, weights=weights)
        self._lines: tuple[dict[str, _Line], ...] = tuple({} for _ in Lane)
        self._waiting = 0

    def take_free(self, caller: str, lane: int) -> bool:
        """Take a slot that is free now, and within the caller's share."""
        if self.free <= self._kept[lane] or self.over(caller, lane):
            return False
        self.take(caller, lane)
        return True

    async def wait(self, caller: str, lane: int, seconds: float) -> bool:
        """Take a slot within so many seconds; False: none came free.

        Args:
            caller: Whose share it counts to.
            lane: The lowest is served first.
            seconds: At most.

        Raises:
            Overloaded: more urgent work needs the room.
        """
        if self.take_free(caller, lane):
            return True
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines[lane].setdefault(caller, deque()).append(waiter)
        self._waiting += 1
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and not waiter.exception():
                self.give(caller, lane)  # it was ours just as we left
            else:
                self._leave(caller, lane, waiter)
            if isinstance(error, TimeoutError):
                return False
            raise
        return True

    def give(self, caller: str, lane: int) -> None:
        """Give a slot back, and hand on what is free."""
        super().give(caller, lane)
        if self._waiting:
            self._hand_on()

    def resize(self, size: int) -> None:
        """Have another number of slots; those in use beyond it are not replaced."""
        self.free += size - self.size
        self.size = size
        self._keep()
        self._hand_on()

    def shed(self) -> bool:
        """Send away the newest batch work of whose waits most; False: none does."""
        lines = [line for lane in self._lines[Lane.BATCH :] for line in lane.values()]
        for line in sorted(lines, key=len, reverse=True):
            for waiter in reversed(line):
                if not waiter.done():
                    waiter.set_exception(shed())
                    return True
        return False

    def _hand_on(self) -> None:
        for lane, lines in enumerate(self._lines):
            while (caller := self._next(lane, lines)) is not None:
                waiter = lines[caller][0]
                self._leave(caller, lane, waiter)
                if not waiter.done():
                    self.take(caller, lane)
                    waiter.set_result(None)

    def _next(self, lane: int, lines: dict[str, _Line]) -> str | None:
        """Return the caller whose turn it is; None: no caller of this lane can go."""
        if not lines or self.full(lane):
            return None
        fitting = [caller for caller in lines if not self.over(caller, lane)]
        return min(fitting, key=lambda caller: self.load(caller, lane), default=None)

    def _leave(self, caller: str, lane: int, waiter: asyncio.Future[None]) -> None:
        lines = self._lines[lane]
        line = lines.get(caller)
        if line is None or waiter not in line:
            return
        line.remove(waiter)
        self._waiting -= 1
        if not line:
            del lines[caller]


def shed() -> Overloaded:
    """Return the problem of batch work that makes room."""
    return Overloaded(
        "the gateway is full, and batch work makes room first", retry_after=_LATER
    )
