"""Identifies a window and when it ends. Pure.

A window is named by its reset on the server's clock. That name is exact, while the
moment at which we believe it to end is not: `Date` has whole seconds and the answer
took its time. Both errors only ever add, so the smallest difference seen between our
clock and theirs is the best one.

A quota slides when the time to its reset stays the same while time goes by. A fixed
window that is always spent at its start looks alike from one window to the next; so
the comparison starts afresh wherever the window is about to end.
"""

from typing import Literal

from gateway.ratelimit.headers import Advertised

TOLERANCE = 2.0  # s between two names of one window
SLIDING_REPLIES = 5
SLIDING_SPAN = 5.0  # s
_ROUNDING = 1.0  # s; both `Date` and reset are whole seconds
_DISTINCT = 0.5  # s; names that differ by more differ on purpose
_SLACK_STEP = 0.5  # s
_SLACK_MOST = 2.0  # s

Verdict = Literal["newer", "same", "older"]


class Window:
    """The window that the quota is in, as far as answers told."""

    __slots__ = (
        "_anchor",
        "_anchored_at",
        "_offset",
        "_offset_before",
        "_replies",
        "_tolerance",
        "length",
        "name",
        "resets_at",
        "slack",
        "sliding",
    )

    def __init__(self, seen: Advertised, now: float) -> None:
        left = seen.resets_at - now
        self.name = seen.window
        self.length = left  # s; a lower bound until a whole window was seen
        self.slack = 0.0  # s; how much too early our reckoning proved to be
        self.sliding = False
        self._tolerance = TOLERANCE
        self._offset = self._offset_before = seen.resets_at - seen.window
        self.resets_at = seen.resets_at  # s, monotonic
        self._anchor = left
        self._anchored_at = now
        self._replies = 1

    def judge(self, seen: Advertised, *, taken_at: float) -> Verdict:
        """Return which window an answer speaks of, seen from this one.

        Args:
            seen: What the answer advertises.
            taken_at: s; when its attempt was admitted.
        """
        distance = seen.window - self.name
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
        """Move on to the window that an answer speaks of."""
        distance = seen.window - self.name
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
            seen.resets_at - seen.window,
        )
        self.name = seen.window
        self._reckon()

    def refine(self, seen: Advertised) -> None:
        """Take what an answer from this window says about its end."""
        offset = seen.resets_at - seen.window
        if offset < self._offset:
            self._offset = offset
            self._reckon()

    def outlived(self, now: float) -> None:
        """Note that the window goes on past the end that we reckoned with."""
        self.slack = min(_SLACK_MOST, self.slack + _SLACK_STEP)
        self._reckon()
        self.resets_at = max(self.resets_at, now + _SLACK_STEP)

    def ending(self, now: float) -> bool:
        """Return whether the window may be over by now."""
        return now > self.resets_at - max(1.5 * _ROUNDING, 0.25 * self.length)

    def watch(self, seen: Advertised, now: float) -> None:
        """Look for a quota that slides; before `follow` and `refine`."""
        left = seen.resets_at - now
        if abs(left - self._anchor) > _ROUNDING or self.ending(now):
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
        """Return whether a response is of this quota, which slides."""
        return self.sliding and abs(seen.resets_at - now - self.length) <= TOLERANCE

    def may_slide(self, seen: Advertised, now: float) -> bool:
        """Return whether a response has as much time to its reset as the last ones."""
        return abs(seen.resets_at - now - self._anchor) <= _ROUNDING

    def _reckon(self) -> None:
        offset = min(self._offset, self._offset_before)
        self.resets_at = self.name + offset + self.slack
