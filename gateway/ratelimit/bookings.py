"""Who was told to come back when? Pure; moments are monotonic, s.

A refused request is given a place in a later window, and a moment to come for it. A
place is held for it as far as those who were told so do come: callers that ignore
`Retry-After` must not empty the quota for everybody.
"""

from bisect import bisect_left, insort

GRACE = 2.5  # s after its moment that a booking is held; Retry-After is whole seconds
_MOST = 4096
_STEP = 1 / 16  # of the share of those who come


class Bookings:
    """One caller's bookings, in the order of their moments."""

    __slots__ = ("_slots", "_who", "shown")

    def __init__(self) -> None:
        self._slots: list[tuple[float, int]] = []  # (moment, who)
        self._who: dict[int, list[float]] = {}
        self.shown = 1.0  # share of the bookings that somebody came for

    def __len__(self) -> int:
        return len(self._slots)

    def book(self, who: int, moment: float) -> None:
        """Hold a place; beyond a few thousand nobody is held one."""
        if len(self._slots) < _MOST:
            insort(self._slots, (moment, who))
            insort(self._who.setdefault(who, []), moment)

    def redeem(self, who: int, now: float, early: float) -> bool:
        """Take a booking whose moment is near; False: there is none.

        Args:
            who: Asks.
            now: s.
            early: s before its moment that it may come.
        """
        self._expire(now)
        moments = self._who.get(who)
        if not moments or moments[0] > now + early:
            return False
        self._drop(moments[0], who)
        self.shown += _STEP * (1.0 - self.shown)
        return True

    def expected(self, now: float, until: float) -> float:
        """Return how many will probably come before a moment."""
        self._expire(now)
        return self.shown * self.count(-1.0, until)

    def count(self, since: float, until: float) -> int:
        """Return how many have a moment in a span."""
        slots = self._slots
        return bisect_left(slots, (until, -1)) - bisect_left(slots, (since, -1))

    def _expire(self, now: float) -> None:
        while self._slots and self._slots[0][0] + GRACE < now:
            self._drop(*self._slots[0])
            self.shown -= _STEP * self.shown

    def _drop(self, moment: float, who: int) -> None:
        # Anybody's hash may be below -1, which is what a search for a moment uses.
        del self._slots[self._slots.index((moment, who), self._first(moment))]
        moments = self._who[who]
        moments.remove(moment)
        if not moments:
            del self._who[who]

    def _first(self, moment: float) -> int:
        return bisect_left(self._slots, (moment,))
