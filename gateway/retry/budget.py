"""May another retry be scheduled, or would retries drown the upstream? Pure.

A share of the first attempts may be retried, plus a floor; what was earned is lost
after a while, so that a quiet night does not pay for a storm. A retry is paid for when
it is scheduled, so that those asleep in their backoff count too.
"""

from gateway.retry.options import RetryOptions

CREDIT_LIFE = 10.0  # s
_SLICES = 10


class RetryBudget:
    """Credit for retries: earned by first attempts, spent by scheduled retries."""

    __slots__ = ("_earned", "_options", "_slice", "_spent", "_start")

    def __init__(self, options: RetryOptions, *, now: float) -> None:
        self._options = options
        self._earned = [0.0] * _SLICES
        self._spent = [0.0] * _SLICES
        self._slice = int(now)
        self._start = now

    def deposit(self, *, now: float) -> None:
        """Note a first attempt."""
        self._earned[self._turn(now)] += self._options.budget_ratio

    def withdraw(self, *, now: float) -> bool:
        """Take the price of one retry; False: there was none to take."""
        index = self._turn(now)
        if self.balance(now=now) < 1.0:
            return False
        self._spent[index] += 1.0
        return True

    def balance(self, *, now: float) -> float:
        """Return how many retries may be scheduled now."""
        self._turn(now)
        # The floor accrues over the life of a credit; the burst is there at once.
        floor = self._options.budget_floor * min(CREDIT_LIFE, now - self._start)
        allowed = max(floor, self._options.budget_burst) + sum(self._earned)
        return allowed - sum(self._spent)

    def _turn(self, now: float) -> int:
        """Forget the slices that are older than a credit lives; return today's."""
        current = int(now)
        for stale in range(max(self._slice + 1, current - _SLICES + 1), current + 1):
            self._earned[stale % _SLICES] = 0.0
            self._spent[stale % _SLICES] = 0.0
        self._slice = max(self._slice, current)
        return self._slice % _SLICES
