"""Holds attempts after a 429, and paces those that follow. Pure.

Moments are monotonic, s. Source: `docs/adr/0004-holding-on-quota.md`.
"""

from math import inf

LONG = 900.0  # s; a longer wait may be a mistake, and is probed
PROBE_EVERY = 60.0  # s between two probes of a long wait
_FIRST = 1.0  # s; after a 429 that names no wait; doubles with each one,
_MOST = 30.0  # s; up to this
_REGAINED = 0.1  # of the full pace, per window without a 429
_SLOWEST = 0.1  # requests/s
_NO_WINDOW = 10.0  # s; stands for a window where none is known


class Cooldown:
    """Closed after a 429; paced after a 429 that named no wait."""

    __slots__ = (
        "_clean_since",
        "_full",
        "_pace",
        "_probe_at",
        "_refusals",
        "closed_at",
        "closed_until",
        "gap",
    )

    def __init__(self) -> None:
        self.closed_at = -inf
        self.closed_until = -inf
        self.gap = 0.0  # s between two attempts; 0 where nothing is paced
        self._refusals = 0  # that named no wait, in a row
        self._full = 0.0  # requests/s before the first of them
        self._pace = 0.0  # requests/s
        self._probe_at = 0.0
        self._clean_since = 0.0

    def close(self, now: float, wait: float) -> None:
        """Close for as long as a response asked, s; the longest of several stands."""
        self._clean_since = now
        if now + wait > self.closed_until:
            self.closed_at, self.closed_until = now, now + wait
            self._probe_at = now + PROBE_EVERY

    def back_off(self, now: float, rate: float) -> None:
        """Close after a 429 that names no wait, and halve the pace.

        Args:
            now: s.
            rate: Requests/s so far.
        """
        if now < self.closed_until:
            return  # all of one burst are refused: that counts once
        self.close(now, min(_MOST, _FIRST * 2.0 ** min(self._refusals, 10)))
        self._refusals += 1
        if not self.gap:
            self._full = self._pace = rate
        self._pace = max(_SLOWEST, self._pace / 2)
        self.gap = 1 / self._pace

    def reopen(self, now: float, length: float) -> None:
        """Open after an attempt that passed; raise the pace once a window.

        Args:
            now: s.
            length: s; of a window without a 429. 0 where none is known.
        """
        self.closed_until = min(self.closed_until, now)
        if not self.gap or now - self._clean_since < (length or _NO_WINDOW):
            return
        self._clean_since = now
        self._refusals = 0
        self._pace += _REGAINED * self._full
        self.gap = 1 / self._pace if self._pace < self._full else 0.0

    def admit(self, now: float) -> float:
        """Return the wait while closed, s; 0.0: the attempt goes, as a probe."""
        if not self.closed_until > self.closed_at + LONG:
            return self.closed_until - now
        if now >= self._probe_at:
            self._probe_at = now + PROBE_EVERY
            return 0.0
        return min(self._probe_at, self.closed_until) - now
