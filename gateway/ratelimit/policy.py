"""Decides when an attempt may be sent. Pure: callers pass `now` (s, monotonic).

Theory of operation. `ledger` counts what may be sent, `window` knows when it ends,
`cooldown` follows a 429, `traffic` estimates what others use. With plenty left,
attempts burst; below a fifth of the limit they are spread over the rest of the
window. Before the first response they go one at a time. When the time of a spent
window is up, one probe goes after a random moment, or at once for a caller that had
no more than its share; the next window opens on its response, or after PROBE_TIMEOUT.
A 429 holds everything for the time that it names; then one attempt goes first as
well. PRIORITY may use the reserve and is not paced; BATCH keeps out of the way
(`priority`). With several callers, each has its share (`fairness/shares`). Decisions:
ADR 4 and ADR 12.
"""

from collections.abc import Callable, Mapping
from math import inf

from gateway.core.lanes import Lane
from gateway.ratelimit.cooldown import LONG, PROBE_EVERY
from gateway.ratelimit.headers import LONGEST_RESET
from gateway.ratelimit.priority import background_gap, most_in_flight, until_free
from gateway.ratelimit.quota import Quota
from gateway.ratelimit.window import Window
from gateway.ratelimit.window_usage import Permit

PROBE_TIMEOUT = 2.0  # s a probe may take before the window opens without it
_SHORTEST_WAIT = 0.005  # s; below, a wait is only a scheduling cost
_RELEASED_IN = 2.0  # s before a window's end in which the reserve is let go,
_RELEASED_PART = 0.1  # or this share of the window, if that is less


class Limiter(Quota):
    """Admits attempts as far as the quota goes."""

    def __init__(
        self,
        reserve: float,
        random: Callable[[], float],
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """Start knowing nothing; the arguments are those of `Quota`."""
        super().__init__(reserve, random, weights)
        self._polled_at = -inf  # when background work last had a place
        self._promised_at = -inf  # the latest place of a window that somebody was told

    def acquire(self, permit: Permit, now: float) -> float:
        """Take a place for an attempt: 0.0, or the wait in s, which took nothing."""
        ledger = self.ledger
        if ledger.moving:
            ledger.settle(now, self.limit)
        if (
            now >= self._burst_until
            or ledger.lowest_remaining - ledger.owed <= self._floor
            or permit.lane >= Lane.BATCH
            or self.shares.crowded
        ):
            wait = self._scarce(permit, now)
            if wait > 0:
                return max(wait, _SHORTEST_WAIT)
        ledger.take(permit, now)
        self.shares.took(permit.caller)
        self._granted_at = now
        if permit.lane is Lane.BACKGROUND:
            self._polled_at = now
        return 0.0

    def predict(self, permit: Permit, now: float, ahead: int, wait: float) -> float:
        """Return when a place is likely for one behind others, s.

        Args:
            permit: Whose place.
            now: s.
            ahead: How many of the same caller wait before it.
            wait: s; what the first of them was told.
        """
        window = self.window
        if window is None or permit.lane is Lane.PRIORITY:
            return wait
        # After a cooldown that ends before the window does, the window goes on.
        opens_at = max(now, self._cooldown.closed_until)
        if opens_at < window.resets_at:
            free = self._room() - self._owed(permit, now, window)
            room = int(free) - self._reserve
            if ahead < room:
                gap = max(self._gap(opens_at, window, free), self._cooldown.gap)
                return wait + ahead * gap
            ahead -= max(0, room)
        return max(wait, self._later(permit, now, window, ahead))

    def _later(self, permit: Permit, now: float, window: Window, ahead: int) -> float:
        """Return the wait for a place in a window to come, s."""
        length = max(window.length, 1.0)
        places = max(1, self.limit - self._reserve)
        mine = self.shares.entitled(permit.caller, now, places=places, length=length)
        begins = max(now, window.resets_at, self._cooldown.closed_until) + self._jitter
        return begins + length * (ahead // max(1, int(mine))) - now

    def come_again(
        self, permit: Permit, now: float, ahead: int, wait: float, *, early: float
    ) -> float:
        """Return when a refused attempt is to come again, s.

        That is the next place of this window that nobody else was told, or a little
        before the next one opens: whoever comes then is held, and served as it opens.
        Nothing is kept for those who were told, since many never come.

        Args:
            permit: Of the attempt.
            now: s.
            ahead: How many of the same caller wait before it.
            wait: s; when a place is likely if nobody else comes.
            early: s before a window opens that it may come to be held.
        """
        window = self.window
        if window is None or permit.lane is Lane.PRIORITY:
            return wait
        opening = self._later(permit, now, window, ahead) - early
        slot = wait
        if permit.lane is Lane.NORMAL and self._room() > self._reserve:
            slot = max(wait, self._promised_at + self._spacing(now, window) - now)
        if slot < opening:
            self._promised_at = now + slot
            return slot
        return min(max(0.0, opening), LONGEST_RESET)

    def _spacing(self, now: float, window: Window) -> float:
        """Return the span between two places of this window, s, after a cooldown."""
        at = max(now, self._cooldown.closed_until)
        return max(self._gap(at, window, self._room()), self._cooldown.gap)

    def _owed(self, permit: Permit, now: float, window: Window) -> float:
        """Return how many places stay for other callers."""
        if not self.shares.crowded or window.sliding:
            return 0.0
        left = window.resets_at - now
        if left <= 0:
            left = window.length
            self._expire(now)
        return self.shares.owed_to_others(
            permit.caller,
            now,
            places=self._places(advertised=not self._overdue),
            left=left,
            length=window.length,
        )

    def _scarce(self, permit: Permit, now: float) -> float:
        """Return the wait where a burst is not free; 0.0 or less: go."""
        if now < self._cooldown.closed_until:
            return self._cooldown.admit(now)
        if self._cooldown.gap:
            braked = self._granted_at + self._cooldown.gap - now
            if braked > 0:
                return braked
        window = self.window
        if window is None:
            return self._unknown(now)
        spent = now >= window.resets_at and self._room() <= self._floor
        if spent or self._wary:
            wait = self._probing(permit, now, window, spent=spent)
            if wait is not None:
                return wait
        return self._within(permit, now, window)

    def _unknown(self, now: float) -> float:
        """Admit one at a time; where answers tell no limit, everybody."""
        if self.ledger.lowest_remaining == inf:
            return 0.0
        if self.ledger.in_flight == 0 or now - self._probed_at >= PROBE_TIMEOUT:
            self._probed_at = now
            return 0.0
        return self._answer_due(now)

    def _probing(
        self, permit: Permit, now: float, window: Window, *, spent: bool
    ) -> float | None:
        """Return the wait where one goes first; None: there is no need any more."""
        if self._probe is None:
            opens_at = self._cooldown.closed_until
            if spent:
                opens_at = max(opens_at, window.resets_at)
            early = opens_at + self._jitter - now
            if early > 0 and not (spent and self._goes_first(permit, now, window)):
                return early
            self._probe, self._probed_at = permit, now
            return 0.0
        if now - self._probed_at < PROBE_TIMEOUT:
            return self._answer_due(now)
        self._probe, self._wary = None, False
        if spent:
            self.assume(now, window)
        return None

    def _answer_due(self, now: float) -> float:
        """Return how soon the probe's answer is likely, s; later we look again."""
        usual = self.traffic.round_trip
        due = max(usual / 2, self._probed_at + usual - now)
        return min(due, self._probed_at + PROBE_TIMEOUT - now)

    def _within(self, permit: Permit, now: float, window: Window) -> float:
        if permit.lane >= Lane.BATCH:
            wait = self._batch_wait(permit, now, window)
            if wait:
                return wait
        room = self._room()
        least = 0.0 if permit.lane is Lane.PRIORITY else self._kept(now, window)
        if room > least and self._is_calm(permit, now, window):
            return 0.0
        room -= self._owed(permit, now, window)
        if room <= least:
            return self._until_more(now, window)
        if permit.lane is Lane.PRIORITY or room > self._floor:
            return 0.0
        return self._granted_at + self._gap(now, window, room) - now

    def _kept(self, now: float, window: Window) -> float:
        """Return how many places are kept for priority routes.

        Fewer at the very end: who comes for one then has a new window at once.
        """
        left = window.resets_at - now
        last = min(_RELEASED_IN, _RELEASED_PART * window.length)
        if window.sliding or left >= last or left <= 0:
            return self._reserve
        return self._reserve * left / last

    def _batch_wait(self, permit: Permit, now: float, window: Window) -> float:
        """Return how long batch work has to keep out of the way, s."""
        if self.ledger.batch >= most_in_flight(self.limit):
            return self.traffic.round_trip
        if permit.lane is Lane.BACKGROUND:
            gap = background_gap(self.limit, window.length)
            if now < self._polled_at + gap:
                return self._polled_at + gap - now
        left = max(0.0, window.resets_at - now)
        length = max(window.length, left, 1e-6)
        part = 1.0 if window.sliding else left / length
        wait = until_free(permit.lane, self._room(), self.limit, part=part) * length
        return min(wait, self._until_more(now, window)) if wait else 0.0

    def _is_calm(self, permit: Permit, now: float, window: Window) -> bool:
        """Return whether a caller keeps to its share, with work that is waited for."""
        if not self.shares.crowded or window.sliding or permit.lane >= Lane.BATCH:
            return False
        self._owed(permit, now, window)
        return self.shares.is_calm(permit.caller)

    def _goes_first(self, permit: Permit, now: float, window: Window) -> bool:
        """Return whether an attempt may open a window: little comes by chance."""
        self._owed(permit, now, window)
        modest = self.shares.was_modest(permit.caller, window.length)
        return modest and permit.lane < Lane.BATCH

    def _gap(self, now: float, window: Window, room: float) -> float:
        """Return the span between two attempts of a window that runs short, s."""
        if room > self._floor or now >= window.resets_at:
            return 0.0
        if window.sliding:
            gap = window.length / self.limit
        else:
            # The last one must arrive before the reset to be counted there.
            left = window.resets_at - now - self.traffic.round_trip
            gap = max(0.0, left) / (max(0.0, room - self._kept(now, window)) + 1)
        return min(gap, PROBE_EVERY) if window.length > LONG else gap

    def _until_more(self, now: float, window: Window) -> float:
        if now >= window.resets_at or self._room() + self.ledger.late > self._reserve:
            return self.traffic.round_trip
        until = min(window.resets_at + self._jitter, self.ledger.next_return())
        if window.length > LONG and not 0 < self._room() <= self._reserve / 2:
            # So far a reset may be a mistake: now and then one attempt finds out.
            until = min(until, self._granted_at + PROBE_EVERY)
        return until - now
