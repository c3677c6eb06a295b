"""Measures round trips, and estimates what others use of a quota. Pure.

What others use is what the window lacks and the gateway did not take. Attempts in
flight may or may not have been counted, so each response gives a lower bound; the
highest of a window stands. Moments are monotonic, s.
"""

from math import ceil

_FIRST_ROUND_TRIP = 0.2  # s; before anything was measured
_SMOOTHING = 1 / 8  # RFC 6298, 2
_DEVIATIONS = 2.0  # above the mean: about the 95th percentile
_SHORTEST = 1.0  # s; a rate measured over less is noise


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
        self._own = 0  # requests of the gateway in this window
        self._before = 0  # requests in it before the first response
        self._rate_before = 0.0  # requests/s of others in the last window
        self.foreign = 0  # requests of others in this window, at least

    @property
    def round_trip(self) -> float:
        """The time in which nearly every response arrives, s."""
        return self._mean + _DEVIATIONS * self._deviation

    def timed(self, seconds: float) -> None:
        """Record how long one response took, s."""
        error = seconds - self._mean
        self._mean += _SMOOTHING * error
        self._deviation += _SMOOTHING * (abs(error) - self._deviation)

    def opened(self, now: float, *, before: int = 0) -> None:
        """Begin a window; `before` requests of it are counted as neither's."""
        elapsed = now - self.opened_at
        self._rate_before = self.foreign / elapsed if elapsed > _SHORTEST else 0.0
        self.opened_at = now
        self._own = self.foreign = 0
        self._before = before

    def counted(self, used: int, sends: int, uncertain: int) -> None:
        """Fold in a response from the window.

        Args:
            used: Requests that the window lacks.
            sends: Requests of the gateway behind this response.
            uncertain: Requests of the gateway that may have been counted or not.
        """
        self._own += sends
        foreign = used - self._before - self._own - uncertain
        self.foreign = max(self.foreign, foreign)

    def headroom(self, now: float) -> int:
        """Return how many requests others may send in a round trip."""
        if not self.foreign and not self._rate_before:
            return 0
        rate = self.foreign / max(_SHORTEST, now - self.opened_at)
        return ceil(max(rate, self._rate_before) * self.round_trip)
