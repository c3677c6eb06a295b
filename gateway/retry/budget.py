"""Bounds how many retries are scheduled, so that they do not drown an upstream. Pure.

There are two kinds of credit. The burst is a bucket that refills at `budget_floor` a
second, so that the floor holds at all times, after a burst too. A share of the first
attempts is earned on top and expires, so that a quiet night does not pay for a storm. A
retry is paid for when it is scheduled, so that those in their backoff count too.
"""

from gateway.retry.options import RetryOptions

CREDIT_LIFE = 10.0  # s
_SLICES = 10
_PRICE = 1.0
_ROUNDING = 1e-6  # what a second's refill may lack


class RetryBudget:
    """Credit for retries: earned by first attempts, spent by scheduled retries."""

    __slots__ = (
        "_earned",
        "_level",
        "_most",
        "_options",
        "_rate",
        "_refilled",
        "_slice",
    )

    def __init__(self, options: RetryOptions, *, now: float) -> None:
        """Start with the burst.

        Args:
            options: Ratio, floor and burst.
            now: s, monotonic.
        """
        self._options = options
        self._earned = [0.0] * _SLICES
        self._slice = int(now)
        self._level = options.budget_burst  # of the bucket
        self._most = max(options.budget_burst, options.budget_floor * CREDIT_LIFE)
        # Without a floor the burst comes back too, over the life of a credit.
        self._rate = max(options.budget_floor, options.budget_burst / CREDIT_LIFE)
        self._refilled = now

    def deposit(self, *, now: float) -> None:
        """Note a first attempt."""
        self._turn(now)
        self._earned[self._slice % _SLICES] += self._options.budget_ratio

    def withdraw(self, *, now: float) -> bool:
        """Take the price of one retry; False: there was none to take."""
        if self.balance(now=now) < _PRICE - _ROUNDING:
            return False
        price = _PRICE
        # What was earned goes first, the oldest of it before: it would be lost.
        for slice_ in range(self._slice + 1, self._slice + 1 + _SLICES):
            taken = min(price, self._earned[slice_ % _SLICES])
            self._earned[slice_ % _SLICES] -= taken
            price -= taken
        self._level = max(0.0, self._level - price)
        return True

    def balance(self, *, now: float) -> float:
        """Return how many retries may be scheduled now."""
        self._turn(now)
        return self._level + sum(self._earned)

    def _turn(self, now: float) -> None:
        """Refill the bucket; forget the slices that are older than a credit lives."""
        refill = self._rate * max(0.0, now - self._refilled)
        self._level = min(self._most, self._level + refill)
        self._refilled = max(self._refilled, now)
        current = int(now)
        for stale in range(max(self._slice + 1, current - _SLICES + 1), current + 1):
            self._earned[stale % _SLICES] = 0.0
        self._slice = max(self._slice, current)
