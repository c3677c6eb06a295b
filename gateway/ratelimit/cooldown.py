"""Holds attempts after a 429, and paces those that follow. Pure."""

from math import inf

LONG = 900.0  # s; closed for longer, one attempt a minute looks whether it is true
PROBE_EVERY = 60.0  # s
_FIRST = 1.0  # s
_MOST = 30.0  # s
_REGAIN = 0.1  # of the full pace, per clean window
_SLOWEST = 0.1  # requests/s
_NO_WINDOW = 10.0  # s; counts as a window where none is known


class Cooldown:
    """Closed for a while after a 429; braked after one that said nothing more."""

    __slots__ = (
        "_clean_since",
        "_full",
        "_pace",
        "_probe_at",
        "_strikes",
        "closed_at",
        "closed_until",
        "gap",
    )

    def __init__(self) -> None:
        self.closed_at = -inf
        self.closed_until = -inf
        self.gap = 0.0  # s between two attempts; 0 where unbraked
        self._strikes = 0
        self._full = 0.0  # requests/s before the first strike
        self._pace = 0.0  # requests/s
        self._probe_at = 0.0
        self._clean_since = 0.0

    def close(self, now: float, wait: float) -> None:
        """Stay away for as long as we were told."""
        self._clean_since = now
        if now + wait > self.closed_until:
            self.closed_at, self.closed_until = now, now + wait
            self._probe_at = now + PROBE_EVERY

    def strike(self, now: float, rate: float) -> None:
        """Stay away for a while nobody told, and come back at half the pace.

        Args:
            now: s, monotonic.
            rate: Requests/s, so far.
        """
        if now < self.closed_until:
            return  # one burst earns many refusals, but one lesson
        self.close(now, min(_MOST, _FIRST * 2.0 ** min(self._strikes, 10)))
        self._strikes += 1
        if not self.gap:
            self._full = self._pace = rate
        self._pace = max(_SLOWEST, self._pace / 2)
        self.gap = 1 / self._pace

    def reopen(self, now: float, length: float) -> None:
        """Note an attempt that was let in; after a clean window, regain some pace.

        Args:
            now: s, monotonic.
            length: s, of a window; 0 where none is known.
        """
        self.closed_until = min(self.closed_until, now)
        if not self.gap or now - self._clean_since < (length or _NO_WINDOW):
            return
        self._clean_since = now
        self._strikes = 0
        self._pace += _REGAIN * self._full
        self.gap = 1 / self._pace if self._pace < self._full else 0.0

    def admit(self, now: float) -> float:
        """Return 0.0 for the attempt that looks whether it is true, or the wait, s."""
        if not self.closed_until > self.closed_at + LONG:
            return self.closed_until - now
        if now >= self._probe_at:
            self._probe_at = now + PROBE_EVERY
            return 0.0
        return min(self._probe_at, self.closed_until) - now
