"""Identifies the window of a quota, and estimates when it ends. Pure.

A window is identified by its reset on the server's clock. That is exact; the moment of
our clock at which it ends is an estimate, since `Date` has whole seconds and a response
takes time to arrive. Both errors only add, so the smallest difference seen between the
two clocks is the best one.

A quota slides when the time to its reset stays the same while time passes. A fixed
window that is always spent at its start looks the same from one window to the next, so
the comparison starts again wherever the window is about to end.

Source: `docs/adr/0004-holding-on-quota.md`.
"""

from typing import Literal

from gateway.ratelimit.headers import Advertised

TOLERANCE = 2.0  # s between two resets of one window
SLIDING_REPLIES = 5
SLIDING_SPAN = 5.0  # s
_ROUNDING = 1.0  # s; both `Date` and reset are whole seconds
_DISTINCT = 0.5  # s; resets that differ by more are of two windows
_SLACK_STEP = 0.5  # s; added whenever a window outlasts its estimated end,
_SLACK_MOST = 2.0  # s; up to this

Verdict = Literal["newer", "same", "older"]


class Window:
    """The present window of a quota, as advertised."""

    __slots__ = (
        "_anchor",
        "_anchored_at",
        "_offset",
        "_offset_before",
        "_replies",
        "_tolerance",
        "length",
        "reset_unix",
        "resets_at",
        "slack",
        "sliding",
    )

    def __init__(self, seen: Advertised, now: float) -> None:
        """Begin with the first response that advertised it, which came at `now`, s."""
        left = seen.resets_at - now
        self.reset_unix = seen.reset_unix
        self.length = left  # s; a lower bound until a whole window was seen
        self.slack = 0.0  # s; by which the estimated end proved too early
        self.sliding = False
        self._tolerance = TOLERANCE
        self._offset = self._offset_before = seen.resets_at - seen.reset_unix
        self.resets_at = seen.resets_at  # s, monotonic
        self._anchor = left  # s to the reset, of the response
        self._anchored_at = now  # that came then, and of
        self._replies = 1  # responses

    def compare(self, seen: Advertised, *, taken_at: float) -> Verdict:
        """Return whether a response is of this window, a newer or an older one.

        Args:
            seen: What the response advertises.
            taken_at: s; when its attempt was admitted.
        """
        distance = seen.reset_unix - self.reset_unix
        if self.sliding:
            tolerance = _DISTINCT
        elif taken_at >= self.resets_at and distance >= _DISTINCT:
            return "newer"  # windows may be shorter than the tolerance
        else:
            tolerance = self._tolerance
        if distance > tolerance:
            return "newer"
        return "older" if distance < -tolerance else "same"

    def follow(self, seen: Advertised, now: float) -> None:
        """Move on to the window that a response advertises."""
        distance = seen.reset_unix - self.reset_unix
        left = seen.resets_at - now
        if self.sliding:
            self.length = left
        elif distance > 0:
            # A window is no shorter than what is left of it, nor longer than the
            # distance between two resets.
            self.length = max(left, min(self.length, distance))
            self._tolerance = min(TOLERANCE, distance / 2)
        self._offset_before, self._offset = (
            self._offset,
            seen.resets_at - seen.reset_unix,
        )
        self.reset_unix = seen.reset_unix
        self._update_end()

    def refine(self, seen: Advertised) -> None:
        """Improve the estimated end by a response from this window."""
        offset = seen.resets_at - seen.reset_unix
        if offset < self._offset:
            self._offset = offset
            self._update_end()

    def extend(self, now: float) -> None:
        """Note that the window goes on past its estimated end."""
        self.slack = min(_SLACK_MOST, self.slack + _SLACK_STEP)
        self._update_end()
        self.resets_at = max(self.resets_at, now + _SLACK_STEP)

    def is_ending(self, now: float) -> bool:
        """Return whether the window may be over by now."""
        return now > self.resets_at - max(1.5 * _ROUNDING, 0.25 * self.length)

    def detect_sliding(self, seen: Advertised, now: float) -> None:
        """Compare the time to the reset with that of earlier responses.

        To be called before `follow` and `refine`.
        """
        left = seen.resets_at - now
        if abs(left - self._anchor) > _ROUNDING or self.is_ending(now):
            self._anchor, self._anchored_at, self._replies = left, now, 1
            if left < self.length - TOLERANCE:
                self.sliding = False
            return
        self._replies += 1
        if (
            self._replies >= SLIDING_REPLIES
            and now - self._anchored_at >= SLIDING_SPAN
            and not self.sliding
        ):
            self.sliding = True
            self.length = self._anchor

    def slides_to(self, seen: Advertised, now: float) -> bool:
        """Return whether this quota slides and a response is of it."""
        return self.sliding and abs(seen.resets_at - now - self.length) <= TOLERANCE

    def may_slide(self, seen: Advertised, now: float) -> bool:
        """Return whether a response has as much time to its reset as the last ones."""
        return abs(seen.resets_at - now - self._anchor) <= _ROUNDING

    def _update_end(self) -> None:
        offset = min(self._offset, self._offset_before)
        self.resets_at = self.reset_unix + offset + self.slack
