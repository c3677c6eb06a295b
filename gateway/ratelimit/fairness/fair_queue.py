"""Chooses the next of several waiting callers. Pure.

Each turn of the ring gives a caller as many goes as its weight; what is left of them is
kept for its next turn, as long as it has requests in the queue.
Source: deficit round robin (Shreedhar and Varghese, 1996), with requests of one size.
"""

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """First come, first served within a caller; by weight among callers."""

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        """Start empty; callers without a weight have 1."""
        self._weights = dict(weights or {})
        least = min([1.0, *self._weights.values()])
        self._unit = 1.0 / least  # so that each turn gives one go at least
        self._lines: dict[str, deque[T]] = {}
        self._ring: deque[str] = deque()
        self._credit: dict[str, float] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[T]:
        for line in self._lines.values():
            yield from line

    def of(self, caller: str) -> int:
        """Return how many items of a caller wait."""
        line = self._lines.get(caller)
        return 0 if line is None else len(line)

    def push(self, caller: str, item: T) -> None:
        """Add an item behind those of the same caller."""
        line = self._lines.get(caller)
        if line is None:
            line = self._lines[caller] = deque()
            self._ring.append(caller)
            self._credit[caller] = 0.0
        line.append(item)
        self._size += 1

    def head(self, passed: Collection[str] = ()) -> tuple[str, T] | None:
        """Return the caller whose turn it is and its first item; None: none waits.

        Callers in `passed` are skipped, and keep their credit.
        """
        for _ in range(len(self._ring)):
            caller = self._ring[0]
            if caller in passed:
                self._ring.rotate(-1)
                continue
            if self._credit[caller] < 1.0:
                weight = self._weights.get(caller, 1.0)
                self._credit[caller] += weight * self._unit
            return caller, self._lines[caller][0]
        return None

    def pop(self, caller: str) -> T:
        """Remove the first item of the caller whose turn it is."""
        item = self._lines[caller].popleft()
        self._size -= 1
        self._credit[caller] -= 1.0
        if not self._lines[caller]:
            self._forget(caller)
        elif self._credit[caller] < 1.0:
            self._ring.remove(caller)
            self._ring.append(caller)
        return item

    def remove(self, caller: str, item: T) -> bool:
        """Remove one item; False: it was not in the queue."""
        line = self._lines.get(caller)
        if line is None or item not in line:
            return False
        line.remove(item)
        self._size -= 1
        if not line:
            self._forget(caller)
        return True

    def _forget(self, caller: str) -> None:
        del self._lines[caller], self._credit[caller]
        self._ring.remove(caller)
