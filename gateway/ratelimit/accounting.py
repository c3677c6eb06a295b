"""How much of the window may still be given out? Pure.

Every answer says how much remained when the server counted it; `low` is the smallest
seen in the window. The answer that carried it had counted every attempt answered so
far, so only unanswered ones can be missing from it, and

    room = low - in flight - ghosts

never gives out what the server does not have, in whatever order answers arrive. A ghost
was sent and not answered, or answered without headers: it may have been counted after
`low` was told.
"""

from collections import deque
from enum import IntEnum
from math import inf

GHOST_LIFE = 30.0  # s
_MEMORY = 10_000  # attempts of a sliding window that are remembered


Route = tuple[str, str]  # method and template


class Lane(IntEnum):
    """Who goes first."""

    PRIORITY = 0
    NORMAL = 1
    BATCH = 2
    BACKGROUND = 3


class Permit:
    """One attempt's place in the quota; opaque to its holder."""

    __slots__ = ("caller", "lane", "route", "serial", "taken_at")

    def __init__(
        self,
        lane: Lane = Lane.NORMAL,
        caller: str = "other",
        route: Route = ("", "other"),
    ) -> None:
        """Ask for a place.

        Args:
            lane: Of the attempt.
            caller: Whose share it takes.
            route: Whose quota it takes.
        """
        self.lane = lane
        self.route = route
        self.caller = caller  # from a closed set
        self.serial = -1
        self.taken_at = 0.0


class Ledger:
    """Places taken and places left."""

    __slots__ = (
        "_blind",
        "_blind_at",
        "_ghosts",
        "_returns",
        "batch",
        "in_flight",
        "late",
        "low",
        "moving",
        "owed",
        "serial",
        "taught_at",
    )

    def __init__(self) -> None:
        self.low: float = 0.0  # infinite where answers tell no limit
        self.in_flight = 0
        self.batch = 0  # of those in flight; background work too
        self.late = 0  # of those in flight; they went before this window opened
        self.owed = 0  # in flight and ghosts
        self.serial = 0  # grows with each window
        self.taught_at = -inf  # when the last answer with headers came
        self.moving = False  # whether `settle` may have anything to do
        self._ghosts: deque[tuple[float, float]] = deque()  # (ends at, lost at)
        self._blind = 0  # answered without headers
        self._blind_at = 0.0
        self._returns: deque[tuple[float, float]] = deque(maxlen=_MEMORY)

    def take(self, permit: Permit, now: float) -> None:
        """Count an attempt as in flight."""
        self.in_flight += 1
        self.owed += 1
        if permit.lane >= Lane.BATCH:
            self.batch += 1
        permit.serial = self.serial
        permit.taken_at = now

    def end(self, permit: Permit) -> None:
        """Give an attempt's place back."""
        self.in_flight -= 1
        self.owed -= 1
        if permit.serial != self.serial:
            self.late -= 1
        if permit.lane >= Lane.BATCH:
            self.batch -= 1

    def haunt(self, now: float) -> None:
        """Count a ghost, for an attempt that has just ended without an answer."""
        self._ghosts.append((now + GHOST_LIFE, now))
        self.owed += 1
        self.moving = True

    def blind(self, now: float) -> None:
        """Count a ghost, for an attempt whose answer had no headers."""
        self._blind += 1
        self._blind_at = now
        self.owed += 1

    def told(self, remaining: int, permit: Permit, now: float) -> None:
        """Lower what is left to what an answer from this window says."""
        self.low = min(self.low, remaining)
        self.taught_at = now
        if self._blind and permit.taken_at >= self._blind_at:
            # It went after their answers had come, so it was counted after them.
            self.owed -= self._blind
            self._blind = 0

    def slid(self, permit: Permit, now: float, length: float) -> None:
        """Note that an attempt leaves a sliding window one length after its answer."""
        self._returns.append((now + length, permit.taken_at + length))
        self.moving = True

    def next_return(self) -> float:
        """Return when the next place slides out of the window; infinite: never."""
        return self._returns[0][0] if self._returns else inf

    def open(self, low: float) -> None:
        """Begin a window. Attempts in flight may be counted in it, ghosts are gone."""
        self.low = low
        self.serial += 1
        self._ghosts.clear()
        self._returns.clear()
        self._blind = 0
        self.owed = self.late = self.in_flight
        self.moving = False

    def settle(self, now: float, limit: int) -> None:
        """End ghosts whose time is up; take back what slid out of the window."""
        while self._ghosts and self._ghosts[0][0] <= now:
            _, lost_at = self._ghosts.popleft()
            self.owed -= 1
            # By now it was counted or never will be; if nobody told since, it was.
            if self.taught_at <= lost_at:
                self.low -= 1
        while self._returns and self._returns[0][0] <= now:
            _, left_at = self._returns.popleft()
            # What may have left before `low` was told is back in it already.
            if left_at > self.taught_at:
                self.low = min(self.low + 1, limit)
        self.moving = bool(self._ghosts or self._returns)
