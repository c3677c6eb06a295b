"""How many attempts does Dinie take at once without making them wait? Pure.

While the time of an answer stays near the shortest that was seen, one more may be in
flight; when it grows, a queue has formed at Dinie, and the limit shrinks by as much as
the time grew.

Source: the gradient of Netflix's concurrency-limits, after TCP Vegas (Brakmo 1995).
"""

from math import inf, sqrt

_LEAST = 4
_TOLERANCE = 1.5  # times the shortest, before a queue is believed
_SMOOTHING = 0.2  # of the limit, from one span to the next
_SPAN = 0.5  # s of answers that are looked at together
_MEMORY = 30.0  # s after which the shortest is looked for anew
_SHRINKS = 0.5  # at most, in one span


class Gradient:
    """A limit that follows the time of answers; moments are monotonic, s."""

    def __init__(self, most: int) -> None:
        """Begin at the configured cap, which stays the highest."""
        self.limit = float(most)
        self._most = float(most)
        self._shortest = inf
        self._before = inf  # the shortest of the memory that ends
        self._forget_at = 0.0
        self._ends_at = 0.0
        self._sum = 0.0
        self._count = 0
        self._busiest = 0

    def record(self, seconds: float, in_flight: int, now: float) -> bool:
        """Take how long an answer took; return whether the limit is another one."""
        if now >= self._forget_at:
            # What was short before a change of route must not be asked for ever.
            self._before, self._shortest = self._shortest, inf
            self._forget_at = now + _MEMORY
        self._shortest = min(self._shortest, seconds)
        self._sum += seconds
        self._count += 1
        self._busiest = max(self._busiest, in_flight)
        if now < self._ends_at:
            return False
        changed = self._adapt(self._sum / self._count)
        self._sum, self._count, self._busiest = 0.0, 0, 0
        self._ends_at = now + _SPAN
        return changed

    def _adapt(self, mean: float) -> bool:
        shortest = max(1e-6, min(self._shortest, self._before))
        gradient = max(_SHRINKS, min(1.0, _TOLERANCE * shortest / max(mean, 1e-6)))
        if gradient == 1.0 and self._busiest < self.limit / 2:
            return False  # nobody asked for more: what is unused need not grow
        wanted = self.limit * gradient + sqrt(self.limit)
        before = int(self.limit)
        limit = (1 - _SMOOTHING) * self.limit + _SMOOTHING * wanted
        self.limit = max(float(min(_LEAST, self._most)), min(self._most, limit))
        return int(self.limit) != before
