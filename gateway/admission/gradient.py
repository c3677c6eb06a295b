"""Limits attempts in flight to what Dinie takes without queueing. Pure.

While the time of a response stays near the shortest that was seen, one more attempt may
be in flight. When it grows, a queue has formed at Dinie, and the limit shrinks by as
much as the time grew. Each response is compared with the shortest of its own route: a
slow route beside a quick one is no queue.

Source: the gradient of Netflix's concurrency-limits, after TCP Vegas (Brakmo 1995).
"""

from math import inf, sqrt

_LEAST = 4
_TOLERANCE = 1.5  # times the shortest; more is taken for a queue
_SMOOTHING = 0.2  # of the limit, from one span to the next
_SPAN = 0.5  # s of responses that are evaluated together
_MEMORY = 30.0  # s after which the shortest is measured again
_SHRINKS = 0.5  # times the limit, at least, from one span to the next


class Gradient:
    """A limit that follows the time of responses; moments are monotonic, s."""

    def __init__(self, most: int) -> None:
        """Start at the configured limit, which is never exceeded."""
        self.limit = float(most)
        self._most = float(most)
        self._shortest: dict[str, float] = {}  # by route
        self._before: dict[str, float] = {}  # of the memory that ends
        self._forget_at = 0.0
        self._ends_at = 0.0
        self._sum = 0.0  # s that responses took,
        self._least = 0.0  # s; and would have taken at best
        self._busiest = 0

    def record(self, route: str, seconds: float, in_flight: int, now: float) -> bool:
        """Fold in the time of a good response; return whether the limit has changed.

        Args:
            route: A template, of which there are few.
            seconds: From the send to the response's head.
            in_flight: Attempts with Dinie.
            now: s.
        """
        if now >= self._forget_at:
            # A time from before a change at Dinie must not count for ever.
            self._before, self._shortest = self._shortest, {}
            self._forget_at = now + _MEMORY
        shortest = min(seconds, self._shortest.get(route, inf))
        self._shortest[route] = shortest
        self._sum += seconds
        self._least += min(shortest, self._before.get(route, inf))
        self._busiest = max(self._busiest, in_flight)
        if now < self._ends_at:
            return False
        changed = self._adapt()
        self._sum, self._least, self._busiest = 0.0, 0.0, 0
        self._ends_at = now + _SPAN
        return changed

    def _adapt(self) -> bool:
        slowness = max(self._sum, 1e-6) / max(self._least, 1e-6)
        gradient = max(_SHRINKS, min(1.0, _TOLERANCE / slowness))
        if gradient == 1.0 and self._busiest < self.limit / 2:
            return False  # half of it is not used: there is no need for more
        wanted = self.limit * gradient + sqrt(self.limit)
        before = int(self.limit)
        limit = (1 - _SMOOTHING) * self.limit + _SMOOTHING * wanted
        self.limit = max(float(min(_LEAST, self._most)), min(self._most, limit))
        return int(self.limit) != before
