"""Counts what may still be sent in a window. Pure.

Every response says how much remained when the server counted it; `lowest_remaining` is
the smallest of the window. That response counts every attempt whose response came
before it, so only attempts without a response can be missing from it, and

    room = lowest_remaining - in flight - ghosts

never exceeds what the server has, in whatever order responses arrive (ADR 4). A ghost
is an attempt that got no response, or one without headers: the server may have counted
it after `lowest_remaining` was advertised.
"""

from collections import deque
from math import inf

from gateway.core.lanes import Lane

GHOST_LIFE = 30.0  # s
_REMEMBERED = 10_000  # attempts of a sliding window

Route = tuple[str, str]  # method and template


class Permit:
    """One attempt's place in a quota."""

    __slots__ = ("caller", "lane", "route", "serial", "taken_at")

    def __init__(
        self,
        lane: Lane = Lane.NORMAL,
        caller: str = "other",
        route: Route = ("", "other"),
    ) -> None:
        """Describe an attempt; `WindowUsage.take` gives it its place.

        Args:
            lane: Of the attempt.
            caller: Takes it from its share; a name of a closed set.
            route: Takes it from its quota.
        """
        self.lane = lane
        self.route = route
        self.caller = caller
        self.serial = -1  # of the window in which it was taken
        self.taken_at = 0.0  # s, monotonic


class WindowUsage:
    """What is taken of a window, and what is left of it."""

    __slots__ = (
        "_ghosts",
        "_headerless",
        "_headerless_at",
        "_returns",
        "batch_in_flight",
        "from_before",
        "in_flight",
        "lowest_remaining",
        "serial",
        "uncounted",
        "unsettled",
        "updated_at",
    )

    def __init__(self) -> None:
        # Requests; infinite where responses advertise no limit.
        self.lowest_remaining: float = 0.0
        self.in_flight = 0
        self.batch_in_flight = 0  # of those in flight; background attempts too
        self.from_before = 0  # of those in flight; sent before this window opened
        self.uncounted = 0  # in flight and ghosts: `lowest_remaining` may lack them
        self.serial = 0  # grows with each window
        self.updated_at = -inf  # s; when the last response with headers came
        self.unsettled = False  # whether `settle` may have anything to do
        self._ghosts: deque[tuple[float, float]] = deque()  # (ends at, lost at), s
        self._headerless = 0  # ghosts whose response had no headers
        self._headerless_at = 0.0  # s; when the last of them came
        # (surely, possibly) out of a sliding window at, s
        self._returns: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)

    def take(self, permit: Permit, now: float) -> None:
        """Count an attempt as in flight."""
        self.in_flight += 1
        self.uncounted += 1
        if permit.lane >= Lane.BATCH:
            self.batch_in_flight += 1
        permit.serial = self.serial
        permit.taken_at = now

    def end(self, permit: Permit) -> None:
        """Give an attempt's place back."""
        self.in_flight -= 1
        self.uncounted -= 1
        if permit.serial != self.serial:
            self.from_before -= 1
        if permit.lane >= Lane.BATCH:
            self.batch_in_flight -= 1

    def count_unanswered(self, now: float) -> None:
        """Count a ghost, for an attempt that has just ended without a response."""
        self._ghosts.append((now + GHOST_LIFE, now))
        self.uncounted += 1
        self.unsettled = True

    def count_headerless(self, now: float) -> None:
        """Count a ghost, for an attempt whose response had no headers."""
        self._headerless += 1
        self._headerless_at = now
        self.uncounted += 1

    def record_remaining(self, remaining: int, permit: Permit, now: float) -> None:
        """Lower what is left to what a response from this window advertises.

        Args:
            remaining: Requests left, as advertised.
            permit: Of the attempt.
            now: s, monotonic.
        """
        self.lowest_remaining = min(self.lowest_remaining, remaining)
        self.updated_at = now
        if self._headerless and permit.taken_at >= self._headerless_at:
            # It was sent after their responses, so the server counted it after them.
            self.uncounted -= self._headerless
            self._headerless = 0

    def expect_return(self, permit: Permit, now: float, length: float) -> None:
        """Note that an attempt leaves a sliding window a length after its response.

        Args:
            permit: Of the attempt.
            now: s; when its response came.
            length: s; of the window.
        """
        self._returns.append((now + length, permit.taken_at + length))
        self.unsettled = True

    def next_return(self) -> float:
        """Return when the next attempt leaves a sliding window, s; infinite: none."""
        return self._returns[0][0] if self._returns else inf

    def open(self, remaining: float) -> None:
        """Begin a window: it may count attempts in flight, and counts no ghost."""
        self.lowest_remaining = remaining
        self.serial += 1
        self._ghosts.clear()
        self._returns.clear()
        self._headerless = 0
        self.uncounted = self.from_before = self.in_flight
        self.unsettled = False

    def settle(self, now: float, limit: int) -> None:
        """End old ghosts; add what left a sliding window, up to `limit`."""
        while self._ghosts and self._ghosts[0][0] <= now:
            _, lost_at = self._ghosts.popleft()
            self.uncounted -= 1
            # It is counted by now or never; without news since, it is taken as counted.
            if self.updated_at <= lost_at:
                self.lowest_remaining -= 1
        while self._returns and self._returns[0][0] <= now:
            _, left_at = self._returns.popleft()
            # What left before the last response is in `lowest_remaining` already.
            if left_at > self.updated_at:
                self.lowest_remaining = min(self.lowest_remaining + 1, limit)
        self.unsettled = bool(self._ghosts or self._returns)
