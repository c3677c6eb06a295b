"""Measures round trips, and what others use of the quota. Pure.

What others use is what the window lacks and we did not take. Attempts in flight may or
may not have been counted yet, so each answer gives a lower bound; the highest stands.
"""

from math import ceil

_FIRST_ROUND_TRIP = 0.2  # s; before anything was measured
_SMOOTHING = 1 / 8  # RFC 6298, 2
_DEVIATIONS = 2.0  # the mean and twice the deviation, near enough to the 95th of 100
_EARLY = 1.0  # s; a rate measured over less is noise


class Traffic:
    """Round trips and foreign use."""

    __slots__ = (
        "_before",
        "_deviation",
        "_mean",
        "_own",
        "_rate_before",
        "foreign",
        "opened_at",
    )

    def __init__(self) -> None:
        self._mean = _FIRST_ROUND_TRIP
        self._deviation = 0.0
        self.opened_at = 0.0
        self._own = 0
        self._before = 0  # used in this window before we came
        self._rate_before = 0.0  # requests/s of others in the last window
        self.foreign = 0  # requests of others in this window, at least

    @property
    def round_trip(self) -> float:
        """Return how long nearly every answer takes at most, s."""
        return self._mean + _DEVIATIONS * self._deviation

    def timed(self, seconds: float) -> None:
        """Note how long one answer took."""
        error = seconds - self._mean
        self._mean += _SMOOTHING * error
        self._deviation += _SMOOTHING * (abs(error) - self._deviation)

    def opened(self, now: float, *, before: int = 0) -> None:
        """Begin a window; `before` was used in it earlier and is nobody's."""
        elapsed = now - self.opened_at
        self._rate_before = self.foreign / elapsed if elapsed > _EARLY else 0.0
        self.opened_at = now
        self._own = self.foreign = 0
        self._before = before

    def counted(self, used: int, sends: int, uncertain: int) -> None:
        """Fold in an answer of the window.

        Args:
            used: Requests that the window lacks.
            sends: How many of ours stand behind this answer.
            uncertain: Ours that may have been counted or not.
        """
        self._own += sends
        foreign = used - self._before - self._own - uncertain
        # Mostly it is nobody, so this is the cheap way to say max().
        self.foreign = max(self.foreign, foreign)

    def headroom(self, now: float) -> int:
        """Return how much others may take while an answer is on its way."""
        if not self.foreign and not self._rate_before:
            return 0
        rate = self.foreign / max(_EARLY, now - self.opened_at)
        return ceil(max(rate, self._rate_before) * self.round_trip)
