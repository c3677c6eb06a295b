"""When may an attempt be sent? Pure: callers pass `now` (s, monotonic).

Theory of operation. `ledger` holds what may be promised, `window` when that ends,
`brake` what a 429 taught, `traffic` what others take. While there is plenty, attempts
burst; below a fifth of the limit they are spread over what is left of the window.
Before the first answer they go one at a time. When the time of a spent window is up,
one probe goes after a random moment; its answer opens the next window, and so does 2 s
without one. A 429 closes everything until the moment that it names; then one goes
first as well. PRIORITY may use the reserve and is not paced; BATCH keeps out of the
way.
"""

from math import inf

from gateway.ratelimit.ledger import Lane, Permit
from gateway.ratelimit.quota import Quota
from gateway.ratelimit.window import Window

PATIENCE = 2.0  # s a probe may take before we go on without its answer
_BATCH_ABOVE = 0.3  # of the limit; below, batch work stops
_BATCH_SHARE = 0.02  # of the limit; batch attempts in flight at once, at least 1
_SHORTEST_WAIT = 0.005  # s; below, a wait is only a scheduling cost


class Limiter(Quota):
    """Admits attempts as far as the quota goes."""

    def acquire(self, permit: Permit, now: float) -> float:
        """Take a place for an attempt: 0.0, or the wait in s, which took nothing."""
        ledger = self.ledger
        if ledger.moving:
            ledger.settle(now, self.limit)
        if (
            now >= self._burst_until
            or ledger.low - ledger.owed <= self._floor
            or permit.lane is Lane.BATCH
        ):
            wait = self._scarce(permit, now)
            if wait > 0:
                return max(wait, _SHORTEST_WAIT)
        ledger.take(permit, now)
        self._granted_at = now
        return 0.0

    def predict(self, permit: Permit, now: float, ahead: int, wait: float) -> float:
        """Return when a place is likely for one behind others, s.

        Args:
            permit: Whose place.
            now: s.
            ahead: How many wait before it.
            wait: s; what the first of them was told.
        """
        window = self.window
        if window is None or permit.lane is Lane.PRIORITY:
            return wait
        closed = now < self._brake.closed_until
        if not closed and now < window.resets_at:
            room = int(self._room()) - self._reserve
            if ahead < room:
                return wait + ahead * self._gap(now, window)
            ahead -= max(0, room)
            wait = max(wait, window.resets_at + self._jitter - now)
        windows = ahead // max(1, self.limit - self._reserve)
        return wait + windows * max(window.length, 1.0)

    def _scarce(self, permit: Permit, now: float) -> float:
        """Return the wait where a burst is not free; 0.0 or less: go."""
        if now < self._brake.closed_until:
            return self._brake.admit(now)
        if self._brake.gap:
            braked = self._granted_at + self._brake.gap - now
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
        if self.ledger.low == inf:
            return 0.0
        if self.ledger.in_flight == 0 or now - self._probed_at >= PATIENCE:
            self._probed_at = now
            return 0.0
        return self._answer_due(now)

    def _probing(
        self, permit: Permit, now: float, window: Window, *, spent: bool
    ) -> float | None:
        """Return the wait where one goes first; None: there is no need any more."""
        if self._probe is None:
            opens_at = self._brake.closed_until
            if spent:
                opens_at = max(opens_at, window.resets_at)
            if now < opens_at + self._jitter:
                return opens_at + self._jitter - now
            self._probe, self._probed_at = permit, now
            return 0.0
        if now - self._probed_at < PATIENCE:
            return self._answer_due(now)
        self._probe, self._wary = None, False
        if spent:
            self.assume(now, window)
        return None

    def _answer_due(self, now: float) -> float:
        """Return how soon the probe's answer is likely, s; later we look again."""
        usual = self.traffic.round_trip
        due = max(usual / 2, self._probed_at + usual - now)
        return min(due, self._probed_at + PATIENCE - now)

    def _within(self, permit: Permit, now: float, window: Window) -> float:
        room = self._room()
        if permit.lane is Lane.PRIORITY:
            return 0.0 if room > 0 else self._until_more(now, window)
        if permit.lane is Lane.BATCH:
            if self.ledger.batch >= max(1, _BATCH_SHARE * self.limit):
                return self.traffic.round_trip
            if room <= _BATCH_ABOVE * self.limit:
                return self._until_more(now, window)
        if room <= self._reserve:
            return self._until_more(now, window)
        if room > self._floor:
            return 0.0
        return self._granted_at + self._gap(now, window) - now

    def _gap(self, now: float, window: Window) -> float:
        """Return the span between two attempts of a window that runs low, s."""
        room = self._room()
        if room > self._floor or now >= window.resets_at:
            return 0.0
        if window.sliding:
            return window.length / self.limit
        # The last one must arrive before the reset to be counted there.
        left = window.resets_at - now - self.traffic.round_trip
        return max(0.0, left) / (max(0.0, room - self._reserve) + 1)

    def _until_more(self, now: float, window: Window) -> float:
        if now >= window.resets_at or self._room() + self.ledger.late > self._reserve:
            return self.traffic.round_trip
        until = min(window.resets_at + self._jitter, self.ledger.next_return())
        return until - now
