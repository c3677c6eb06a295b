"""Decides when an attempt may be sent. Pure.

Moments are monotonic, s, and passed in. `usage` counts what may be sent, `window` knows
when it ends, `cooldown` follows a 429, `traffic` estimates what others use.

While there is plenty, attempts burst; below a fifth of the limit they are spread over
the rest of the window. Before the first response they go one at a time. When a spent
window has ended, one probe goes after a random delay, or at once for a caller that
asked for no more than its share; the next window opens on the probe's response, or
after PROBE_TIMEOUT. A 429 holds all attempts for the time that it names, then one goes
first.
The priority lane may use the reserve and is not paced; batch attempts give way
(`priority`). With several callers, each has its share (`fairness/shares`).

Source: `docs/adr/0004-holding-on-quota.md`, `docs/adr/0012-fair-shares.md`.
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
_RELEASED_IN = 2.0  # s before a window's end in which the reserve is released,
_RELEASED_PART = 0.1  # or this part of the window, if that is less


class Limiter(Quota):
    """Admits attempts as far as one quota goes."""

    def __init__(
        self,
        reserve: float,
        random: Callable[[], float],
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """Start knowing nothing.

        Args:
            reserve: Part of the limit that only the priority lane may use.
            random: Returns from [0, 1).
            weights: Of callers that are configured; others have 1.
        """
        super().__init__(reserve, random, weights)
        self._background_at = -inf  # when a background attempt last had a place
        self._announced_at = -inf  # the latest moment named to a refused request

    def acquire(self, permit: Permit, now: float) -> float:
        """Take a place for an attempt.

        Returns:
            0.0 with a place; otherwise the wait until it is worth asking again, s.
        """
        usage = self.usage
        if usage.unsettled:
            usage.settle(now, self.limit)
        if (
            now >= self._burst_until
            or usage.lowest_remaining - usage.uncounted <= self._floor
            or permit.lane >= Lane.BATCH
            or self.shares.crowded
        ):
            wait = self._wait_if_scarce(permit, now)
            if wait > 0:
                return max(wait, _SHORTEST_WAIT)
        usage.take(permit, now)
        self.shares.took(permit.caller)
        self._granted_at = now
        if permit.lane is Lane.BACKGROUND:
            self._background_at = now
        return 0.0

    def predict(self, permit: Permit, now: float, ahead: int, wait: float) -> float:
        """Return the likely wait of an attempt behind others, s.

        Args:
            permit: Of the attempt.
            now: s.
            ahead: How many of the same caller wait before it.
            wait: s; of the first of them.
        """
        window = self.window
        if window is None or permit.lane is Lane.PRIORITY:
            return wait
        # After a cooldown that ends before the window does, the window goes on.
        opens_at = max(now, self._cooldown.closed_until)
        if opens_at < window.resets_at:
            free = self._room() - self._left_to_others(permit, now, window)
            room = int(free) - self._reserve
            if ahead < room:
                gap = max(self._gap(opens_at, window, free), self._cooldown.gap)
                return wait + ahead * gap
            ahead -= max(0, room)
        return max(wait, self._wait_for_later_window(permit, now, window, ahead))

    def _wait_for_later_window(
        self, permit: Permit, now: float, window: Window, ahead: int
    ) -> float:
        """Return the wait for a place in a later window, s."""
        length = max(window.length, 1.0)
        places = max(1, self.limit - self._reserve)
        mine = self.shares.entitled(permit.caller, now, places=places, length=length)
        begins = max(now, window.resets_at, self._cooldown.closed_until) + self._jitter
        return begins + length * (ahead // max(1, int(mine))) - now

    def retry_in(
        self, permit: Permit, now: float, ahead: int, wait: float, *, early: float
    ) -> float:
        """Return the `Retry-After` of a refused request, s.

        That is the next place of this window that no other refusal named, or a little
        before the next window opens: a request that is repeated then is held, and
        served as the window opens. No quota is held for it (ADR 12).

        Args:
            permit: Of the attempt.
            now: s.
            ahead: How many of the same caller wait before it.
            wait: s; until a place is likely without other requests.
            early: s before a window opens, at most, that a request can be held.
        """
        window = self.window
        if window is None or permit.lane is Lane.PRIORITY:
            return wait
        opening = self._wait_for_later_window(permit, now, window, ahead) - early
        slot = wait
        if permit.lane is Lane.NORMAL and self._room() > self._reserve:
            slot = max(wait, self._announced_at + self._spacing(now, window) - now)
        if slot < opening:
            self._announced_at = now + slot
            return slot
        return min(max(0.0, opening), LONGEST_RESET)

    def _spacing(self, now: float, window: Window) -> float:
        """Return the span between two attempts of this window after a cooldown, s."""
        at = max(now, self._cooldown.closed_until)
        return max(self._gap(at, window, self._room()), self._cooldown.gap)

    def _left_to_others(self, permit: Permit, now: float, window: Window) -> float:
        """Return how many places are left to other callers."""
        if not self.shares.crowded or window.sliding:
            return 0.0
        left = window.resets_at - now
        if left <= 0:
            left = window.length
            self._expire(now)
        return self.shares.left_to_others(
            permit.caller,
            now,
            places=self._places(advertised=not self._overdue),
            left=left,
            length=window.length,
        )

    def _wait_if_scarce(self, permit: Permit, now: float) -> float:
        """Return the wait where bursts are not free, s; 0.0 or less: none."""
        if now < self._cooldown.closed_until:
            return self._cooldown.admit(now)
        if self._cooldown.gap:
            paced = self._granted_at + self._cooldown.gap - now
            if paced > 0:
                return paced
        window = self.window
        if window is None:
            return self._wait_without_window(now)
        spent = now >= window.resets_at and self._room() <= self._floor
        if spent or self._probe_first:
            wait = self._wait_for_probe(permit, now, window, spent=spent)
            if wait is not None:
                return wait
        return self._wait_in_window(permit, now, window)

    def _wait_without_window(self, now: float) -> float:
        """Return the wait, s: one at a time, or none where no limit is advertised."""
        if self.usage.lowest_remaining == inf:
            return 0.0
        if self.usage.in_flight == 0 or now - self._probed_at >= PROBE_TIMEOUT:
            self._probed_at = now
            return 0.0
        return self._until_response(now)

    def _wait_for_probe(
        self, permit: Permit, now: float, window: Window, *, spent: bool
    ) -> float | None:
        """Return the wait for the probe, s; None: no probe is needed any more."""
        if self._probe is None:
            opens_at = self._cooldown.closed_until
            if spent:
                opens_at = max(opens_at, window.resets_at)
            early = opens_at + self._jitter - now
            if early > 0 and not (spent and self._may_open_window(permit, now, window)):
                return early
            self._probe, self._probed_at = permit, now
            return 0.0
        if now - self._probed_at < PROBE_TIMEOUT:
            return self._until_response(now)
        self._probe, self._probe_first = None, False
        if spent:
            self.assume(now, window)
        return None

    def _until_response(self, now: float) -> float:
        """Return how soon the probe's response is likely, s."""
        usual = self.traffic.round_trip
        due = max(usual / 2, self._probed_at + usual - now)
        return min(due, self._probed_at + PROBE_TIMEOUT - now)

    def _wait_in_window(self, permit: Permit, now: float, window: Window) -> float:
        """Return the wait in a window that is known and open, s."""
        if permit.lane >= Lane.BATCH:
            wait = self._batch_wait(permit, now, window)
            if wait:
                return wait
        room = self._room()
        least = 0.0 if permit.lane is Lane.PRIORITY else self._reserved(now, window)
        if room > least and self._keeps_to_share(permit, now, window):
            return 0.0
        room -= self._left_to_others(permit, now, window)
        if room <= least:
            return self._until_more(now, window)
        if permit.lane is Lane.PRIORITY or room > self._floor:
            return 0.0
        return self._granted_at + self._gap(now, window, room) - now

    def _reserved(self, now: float, window: Window) -> float:
        """Return how many places are reserved for the priority lane.

        Fewer at the very end: a priority request after it has a new window at once.
        """
        left = window.resets_at - now
        last = min(_RELEASED_IN, _RELEASED_PART * window.length)
        if window.sliding or left >= last or left <= 0:
            return self._reserve
        return self._reserve * left / last

    def _batch_wait(self, permit: Permit, now: float, window: Window) -> float:
        """Return how long a batch or background attempt gives way, s."""
        if self.usage.batch_in_flight >= most_in_flight(self.limit):
            return self.traffic.round_trip
        if permit.lane is Lane.BACKGROUND:
            gap = background_gap(self.limit, window.length)
            if now < self._background_at + gap:
                return self._background_at + gap - now
        left = max(0.0, window.resets_at - now)
        length = max(window.length, left, 1e-6)
        part = 1.0 if window.sliding else left / length
        wait = until_free(permit.lane, self._room(), self.limit, part=part) * length
        return min(wait, self._until_more(now, window)) if wait else 0.0

    def _keeps_to_share(self, permit: Permit, now: float, window: Window) -> bool:
        """Return whether a caller keeps to its share with interactive requests."""
        if not self.shares.crowded or window.sliding or permit.lane >= Lane.BATCH:
            return False
        self._left_to_others(permit, now, window)
        return self.shares.keeps_to_share(permit.caller)

    def _may_open_window(self, permit: Permit, now: float, window: Window) -> bool:
        """Return whether an attempt may probe without the random delay."""
        self._left_to_others(permit, now, window)
        kept = self.shares.kept_to_share(permit.caller, window.length)
        return kept and permit.lane < Lane.BATCH

    def _gap(self, now: float, window: Window, room: float) -> float:
        """Return the span between two attempts of a window that runs short, s."""
        if room > self._floor or now >= window.resets_at:
            return 0.0
        if window.sliding:
            gap = window.length / self.limit
        else:
            # The last one must arrive before the reset to be counted there.
            left = window.resets_at - now - self.traffic.round_trip
            gap = max(0.0, left) / (max(0.0, room - self._reserved(now, window)) + 1)
        return min(gap, PROBE_EVERY) if window.length > LONG else gap

    def _until_more(self, now: float, window: Window) -> float:
        """Return the wait until there may be more places, s."""
        if (
            now >= window.resets_at
            or self._room() + self.usage.from_before > self._reserve
        ):
            return self.traffic.round_trip
        until = min(window.resets_at + self._jitter, self.usage.next_return())
        if window.length > LONG and not 0 < self._room() <= self._reserve / 2:
            # A reset so far ahead may be a mistake: one attempt a minute finds out.
            until = min(until, self._granted_at + PROBE_EVERY)
        return until - now
