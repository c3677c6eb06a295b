"""Counts what may still be sent in a window. Pure.

Every response says how much remained when the server counted it; `lowest_remaining` is
the smallest of the window. The response that carried it had counted every attempt
answered so far, so only unanswered ones can be missing from it, and

    room = lowest_remaining - in flight - ghosts

never exceeds what the server has, in whatever order responses arrive (ADR 4). A ghost
is an attempt that got no response, or one without headers: the server may have counted
it after `lowest_remaining`.
"""

from collections import deque
from math import inf

from gateway.core.lanes import Lane

GHOST_LIFE = 30.0  # s
_MEMORY = 10_000  # attempts of a sliding window that are remembered


Route = tuple[str, str]  # method and template


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
        "_ghosts",
        "_headerless",
        "_headerless_at",
        "_returns",
        "batch",
        "in_flight",
        "late",
        "lowest_remaining",
        "moving",
        "owed",
        "serial",
        "taught_at",
    )

    def __init__(self) -> None:
        self.lowest_remaining: float = (
            0.0  # infinite where responses advertise no limit
        )
        self.in_flight = 0
        self.batch = 0  # of those in flight; background work too
        self.late = 0  # of those in flight; they went before this window opened
        self.owed = 0  # in flight and ghosts
        self.serial = 0  # grows with each window
        self.taught_at = -inf  # when the last response with headers came
        self.moving = False  # whether `settle` may have anything to do
        self._ghosts: deque[tuple[float, float]] = deque()  # (ends at, lost at)
        self._headerless = 0  # responses without headers
        self._headerless_at = 0.0
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

    def count_unanswered(self, now: float) -> None:
        """Count a ghost, for an attempt that has just ended without a response."""
        self._ghosts.append((now + GHOST_LIFE, now))
        self.owed += 1
        self.moving = True

    def count_headerless(self, now: float) -> None:
        """Count a ghost, for an attempt whose response had no headers."""
        self._headerless += 1
        self._headerless_at = now
        self.owed += 1

    def record_remaining(self, remaining: int, permit: Permit, now: float) -> None:
        """Lower what is left to what a response from this window advertises.

        Args:
            remaining: Requests left, as advertised.
            permit: Of the attempt that it answers.
            now: s, monotonic.
        """
        self.lowest_remaining = min(self.lowest_remaining, remaining)
        self.taught_at = now
        if self._headerless and permit.taken_at >= self._headerless_at:
            # It was sent after their responses, so the server counted it after them.
            self.owed -= self._headerless
            self._headerless = 0

    def slid(self, permit: Permit, now: float, length: float) -> None:
        """Note that an attempt leaves a sliding window a length after its response."""
        self._returns.append((now + length, permit.taken_at + length))
        self.moving = True

    def next_return(self) -> float:
        """Return when the next place slides out of the window; infinite: never."""
        return self._returns[0][0] if self._returns else inf

    def open(self, remaining: float) -> None:
        """Begin a window. Attempts in flight may be counted in it, ghosts are gone."""
        self.lowest_remaining = remaining
        self.serial += 1
        self._ghosts.clear()
        self._returns.clear()
        self._headerless = 0
        self.owed = self.late = self.in_flight
        self.moving = False

    def settle(self, now: float, limit: int) -> None:
        """End ghosts whose time is up; take back what slid out of the window."""
        while self._ghosts and self._ghosts[0][0] <= now:
            _, lost_at = self._ghosts.popleft()
            self.owed -= 1
            # It is counted by now or never; without news since, it is taken as counted.
            if self.taught_at <= lost_at:
                self.lowest_remaining -= 1
        while self._returns and self._returns[0][0] <= now:
            _, left_at = self._returns.popleft()
            # What left before the last response is in `lowest_remaining` already.
            if left_at > self.taught_at:
                self.lowest_remaining = min(self.lowest_remaining + 1, limit)
        self.moving = bool(self._ghosts or self._returns)
