"""Counts places that callers share, of which no caller takes the last ones. Pure.

While a caller is alone it may have every place of a lane. While there are others, it
holds at most three times as many as are free, so that some always are: with n callers
that want everything, one place in 3n + 1 stays free, and a caller that holds none gets
it at once. The priority lane has a sixteenth to itself; batch lanes leave a quarter.

Source: dynamic thresholds (Choudhury and Hahne, "Dynamic Queue Length Thresholds for
Shared-Memory Packet Switches", 1998).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from gateway.core.lanes import Lane

_FACTOR: Final = 3.0  # times the free places: what a caller may hold beside others
_LEAST_FACTOR: Final = 1.0  # of a caller whose weight is small
_LATELY: Final = 60.0  # s after which a caller that is not configured is forgotten


class Presence:
    """The callers that share the gateway: those configured, and those seen lately."""

    def __init__(
        self,
        configured: Iterable[str] = (),
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Start with the configured callers.

        Args:
            configured: Their names.
            clock: Returns the moment, s, monotonic.
        """
        self._configured = frozenset(configured)
        self._clock = clock
        self.seen: dict[
            str, float
        ] = {}  # s; when each was seen last; names are a closed set

    def alone(self, caller: str) -> bool:
        """Return whether no other caller is configured or was seen lately."""
        if self._configured - {caller}:
            return False
        before = self._clock() - _LATELY
        return all(one == caller or at < before for one, at in self.seen.items())


class Places:
    """A counted set of places; `free` is negative while more are taken than exist."""

    def __init__(
        self,
        size: int,
        *,
        presence: Presence | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """Start with all places free.

        Args:
            size: How many there are.
            presence: Knows whether a caller is alone; None: each is.
            weights: Of callers; others have 1.
        """
        self.size = self.free = size
        self._presence = presence or Presence()
        weights = weights or {}
        highest = max([1.0, *weights.values()])
        self._factors = {
            name: max(_LEAST_FACTOR, _FACTOR * weight / highest)
            for name, weight in weights.items()
        }
        self._others_factor = max(_LEAST_FACTOR, _FACTOR / highest)
        self._held: tuple[dict[str, int], ...] = tuple({} for _ in Lane)
        self._keep()

    def _keep(self) -> None:
        """Compute how many places each lane leaves free."""
        self._kept = (0, self.size // 16, self.size // 4, self.size // 4)

    def full(self, lane: int, besides: int = 0) -> bool:
        """Return whether a lane has no free place; `besides` count as taken."""
        return self.free - besides <= self._kept[lane]

    def over(self, caller: str, lane: int) -> bool:
        """Return whether one more would be over the caller's share."""
        held, room = self._held[lane].get(caller, 0), self.free - self._kept[lane]
        if held == 0:
            return False
        factor = self._factors.get(caller, self._others_factor)
        # The last place is for a caller that has none.
        if held < factor * room and room > 1:
            return False
        return not self._presence.alone(caller)

    def take(self, caller: str, lane: int) -> None:
        """Take a place."""
        held = self._held[lane]
        held[caller] = held.get(caller, 0) + 1
        self.free -= 1

    def give(self, caller: str, lane: int) -> None:
        """Give a place back."""
        held = self._held[lane]
        left = held[caller] - 1
        if left:
            held[caller] = left
        else:
            del held[caller]
        self.free += 1

    def load(self, caller: str, lane: int) -> float:
        """Return how many places a caller holds, relative to its weight."""
        factor = self._factors.get(caller, self._others_factor)
        return self._held[lane].get(caller, 0) / factor
