"""Holds the bodies that are still arriving; another request may displace one."""

import asyncio
from collections.abc import Iterator
from typing import Final

from gateway.core.errors import Overloaded
from gateway.core.lanes import Lane

UNIDENTIFIED: Final = 64  # bodies of the token route that may arrive at once
UNIDENTIFIED_CAP: Final = 16 * 1024  # bytes of each
UNIDENTIFIED_TIMEOUT: Final = 2.0  # s for each to arrive


class Arrival:
    """One body, which is read inside `timeout`."""

    __slots__ = ("caller", "dropped", "lane", "timeout")

    def __init__(self, caller: str, lane: int, seconds: float) -> None:
        """Begin to wait for a body.

        Args:
            caller: Whose body it is.
            lane: Of its request.
            seconds: For the whole body.
        """
        self.caller = caller
        self.lane = lane
        self.dropped = False
        self.timeout = asyncio.timeout(seconds)

    def drop(self) -> None:
        """Stop waiting for it."""
        self.dropped = True
        self.timeout.reschedule(0.0)  # in the past: at the loop's next turn


class Arrivals:
    """The bodies that are arriving, oldest first."""

    def __init__(self) -> None:
        """Start empty."""
        self._all: dict[Arrival, None] = {}
        self._of: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Arrival]:
        return iter(self._all)

    def of(self, caller: str) -> int:
        """Return how many bodies of a caller are arriving."""
        return self._of.get(caller, 0)

    def add(self, arrival: Arrival) -> None:
        """Count a body that begins to arrive."""
        self._all[arrival] = None
        self._of[arrival.caller] = self.of(arrival.caller) + 1

    def remove(self, arrival: Arrival) -> None:
        """Count a body no longer; it may have been dropped before."""
        if arrival not in self._all:
            return
        del self._all[arrival]
        left = self._of[arrival.caller] - 1
        if left:
            self._of[arrival.caller] = left
        else:
            del self._of[arrival.caller]

    def drop_oldest(self, caller: str | None = None) -> bool:
        """Drop the body that began first, of one caller or of all; False: none."""
        oldest = next(
            (one for one in self._all if caller is None or one.caller == caller), None
        )
        if oldest is None:
            return False
        self.remove(oldest)
        oldest.drop()
        return True

    def drop_for(self, caller: str | None, lane: int) -> bool:
        """Drop one body for another request; False: the request displaces none.

        An interactive request displaces batch ones. Otherwise the caller with most
        bodies loses its oldest, where it has more than the caller of the request.

        Args:
            caller: Of the request; None: its body is whole, and displaces any.
            lane: Of the request.
        """
        displaced_one = self._batch() if lane < Lane.BATCH else None
        if displaced_one is None:
            most = max(self._of, key=self.of, default=None)
            if most is None:
                return False
            if caller is not None and self.of(most) <= self.of(caller) + 1:
                return False
            displaced_one = next(one for one in self._all if one.caller == most)
        self.remove(displaced_one)
        displaced_one.drop()
        return True

    def _batch(self) -> Arrival | None:
        return next((one for one in self._all if one.lane >= Lane.BATCH), None)


def displaced() -> Overloaded:
    """Return the refusal of a request whose arriving body was displaced."""
    return Overloaded(
        "the body was still arriving when another request needed its place",
        retry_after=1.0,
    )
