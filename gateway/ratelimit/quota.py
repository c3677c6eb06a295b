"""Holds what is known of one quota, and learns from each response. Pure.

Moments are monotonic, s. Source: `docs/adr/0004-holding-on-quota.md`.
"""

from collections.abc import Callable, Mapping
from math import ceil, inf

from gateway.ratelimit.cooldown import LONG, Cooldown
from gateway.ratelimit.fairness.shares import Shares
from gateway.ratelimit.headers import Advertised
from gateway.ratelimit.traffic import Traffic
from gateway.ratelimit.window import Window
from gateway.ratelimit.window_usage import Permit, WindowUsage

PROBE_SPREAD = 0.5  # s; so that replicas do not probe at the same moment
_BURST_ABOVE = 0.2  # of the limit; below, attempts are paced
_LENGTH = 60.0  # s; of a window whose length is not known
_REFUSED = 429
_SERVER_ERROR = 500
_LAGS = 0.05  # of the limit; a server may advertise it as remaining, and refuse
_HEADERLESS_ERRORS = (
    3  # 5xx without headers, before we believe that there are no headers
)


class Quota:
    """One quota as learned.

    A permit ends by one of `responded`, `not_sent`, `lost` and `transfer_out`.
    """

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
        self.shares = Shares(weights)
        self.limit = 0  # requests; 0 while none is known
        self.usage = WindowUsage()
        self.window: Window | None = None
        self.traffic = Traffic()
        self._cooldown = Cooldown()
        self._reserved_part = reserve
        self._random = random
        self._granted_at = -inf
        self._probe: Permit | None = None
        self._probed_at = -inf
        self._probe_first = False  # after a 429, one attempt goes first
        self._assumed = False  # no response has advertised the present window
        self._headerless = 0  # responses without headers, before any with them
        self._jitter = 0.0
        self._overdue = False  # the window has ended, and no response names the next
        # What `acquire` reads for each attempt, computed once per response:
        self._burst_until = -inf
        self._floor = 0.0  # requests; room above it is open to every lane
        self._reserve = self._foreign = 0

    @property
    def foreign_share(self) -> float:
        """The part of the limit that others took in this window, at least."""
        return self.traffic.foreign / self.limit if self.limit else 0.0

    def _room(self) -> float:
        return self.usage.lowest_remaining - self.usage.uncounted - self._foreign

    def _places(self, *, advertised: bool) -> float:
        """Return how many places of the window callers share.

        The window may count what was sent before it opened. So where a response has
        advertised it, its places are those used and those left.
        """
        places: float = self.limit - self._foreign
        if advertised:
            places = min(places, self._room() + self.shares.used)
        return places - self._reserve

    def _expire(self, now: float) -> None:
        """Share the next window, which has begun, before a response names it."""
        if not self._overdue:
            self._overdue = True
            self.shares.opened(now)

    @property
    def assumed(self) -> bool:
        """Whether no response has advertised the present window."""
        return self._assumed

    def closed(self, now: float) -> bool:
        """Return whether a 429 holds all attempts."""
        return now < self._cooldown.closed_until

    def count(self, permit: Permit, now: float) -> None:
        """Take a place without asking whether there is one."""
        self.usage.take(permit, now)
        self.shares.took(permit.caller)

    def transfer_in(self, permit: Permit) -> None:
        """Count an attempt of another quota whose response names this one."""
        self.shares.arrived(permit.caller)
        self.count(permit, permit.taken_at)
        if permit.taken_at < self.traffic.opened_at:
            permit.serial = -1
            self.usage.from_before += 1

    def transfer_out(self, permit: Permit, now: float) -> None:
        """End an attempt whose response names another quota.

        The server may have counted it in this one as well.
        """
        self._end(permit)
        if self.window is not None:
            self.usage.count_headerless(now)

    def not_sent(self, permit: Permit) -> None:
        """Give back the place of an attempt that never left."""
        self._end(permit)
        self.shares.gave_back(permit.caller)

    def _end(self, permit: Permit) -> None:
        self.usage.end(permit)
        if permit is self._probe:
            self._probe = None

    def lost(self, permit: Permit, now: float) -> None:
        """Count an attempt that was sent and got no response as a ghost."""
        self._end(permit)
        if self.window is not None:
            self.usage.count_unanswered(now)

    def responded(
        self,
        permit: Permit,
        now: float,
        seen: Advertised | None,
        *,
        status: int = 200,
        wait: float | None = None,
        sends: int = 1,
    ) -> None:
        """End an attempt and learn from its response.

        Args:
            permit: Of the attempt.
            now: s.
            seen: What the response advertises; None: nothing.
            status: Of the response; only a 429 closes.
            wait: s; the response's Retry-After.
            sends: How often the attempt was written to a connection.
        """
        self.usage.end(permit)
        self.traffic.timed(now - permit.taken_at)
        stale = False
        if seen is None:
            self._learn_nothing(permit, now, status)
        else:
            stale = not self._learn(permit, now, seen, sends)
        if permit is self._probe:
            self._probe = None
        if status == _REFUSED:
            if not stale:
                self._close(now, seen, wait)
        elif permit.taken_at >= self._cooldown.closed_at:
            self._cooldown.reopen(now, self.window.length if self.window else 0.0)
            self._probe_first = False
        self._update_bounds(now)

    def _learn_nothing(self, permit: Permit, now: float, status: int) -> None:
        """Fold in a response that advertises nothing."""
        if self.window is not None:
            self.usage.count_headerless(now)
            if permit is self._probe and now >= self.window.resets_at:
                self.assume(now, self.window)
            return
        self._headerless += 1
        if status < _SERVER_ERROR or self._headerless >= _HEADERLESS_ERRORS:
            self.usage.lowest_remaining = inf

    def assume(self, now: float, window: Window) -> None:
        """Begin a window that no response has advertised."""
        if self._assumed:  # for a whole window no response advertised anything
            self.window, self.limit, self._assumed = None, 0, False
            self._opened(now, inf)
        else:
            window.resets_at = now + (window.length or _LENGTH)
            self._assumed = True
            self._opened(now, self.limit)

    def _opened(self, now: float, remaining: float, before: int = 0) -> None:
        self.usage.open(remaining)
        self._probe = None
        self._jitter = PROBE_SPREAD * self._random()
        self.traffic.opened(now, before=before)
        if not self._overdue:
            self.shares.opened(now)
        self._overdue = False
        self._update_bounds(now)

    def _learn(self, permit: Permit, now: float, seen: Advertised, sends: int) -> bool:
        """Fold in what a response advertises; False: it was out of date."""
        window = self.window
        used = seen.limit - seen.remaining
        if window is None:
            self.window = Window(seen, now)
            self._begin(now, seen, before=used)
            self.usage.record_remaining(seen.remaining, permit, now)
            return True
        verdict = window.compare(seen, taken_at=permit.taken_at)
        # The response to an attempt from after this window's opening is never out of
        # date: it corrects what an earlier response advertised.
        early = permit.serial != self.usage.serial or window.sliding
        if early and (verdict == "older" or (verdict == "same" and self._assumed)):
            return False
        window.detect_sliding(seen, now)
        if verdict == "same":
            self._learn_in_window(permit, now, seen, window)
        else:
            # Where the last window was not over, its use is not that of the new one.
            before = 0 if window.is_ending(now) else used - sends
            window.follow(seen, now)
            if window.sliding:
                self.usage.lowest_remaining, self.limit = seen.remaining, seen.limit
            else:
                self._begin(now, seen, before)
        self.usage.record_remaining(seen.remaining, permit, now)
        if window.sliding:
            self.usage.expect_return(permit, now, window.length)
        else:
            self.traffic.counted(used, sends, self.usage.uncounted)
        return True

    def _begin(self, now: float, seen: Advertised, before: int) -> None:
        self.limit = seen.limit
        self._assumed = False
        self._opened(now, seen.remaining, before)

    def _learn_in_window(
        self, permit: Permit, now: float, seen: Advertised, window: Window
    ) -> None:
        """Fold in a response from the present window."""
        self.limit = seen.limit
        self._assumed = False
        late = permit is self._probe and permit.taken_at >= window.resets_at
        window.refine(seen)
        shut = window.length > LONG and self.usage.lowest_remaining <= self._reserve
        if shut and not self.usage.uncounted:
            # A single probe: the server corrects what it advertised before.
            self.usage.lowest_remaining = seen.remaining
        if late:  # sent at the window's end, it found the window going on
            window.extend(now)

    def _close(self, now: float, seen: Advertised | None, wait: float | None) -> None:
        """Close after a 429."""
        closed_for = wait or 0.0
        # With quota remaining, another limit refused: the window goes on afterwards.
        # A little may remain by a count that lags.
        most = 0 if wait is not None else _LAGS * self.limit
        if seen is not None and seen.remaining <= most:
            closed_for = max(closed_for, seen.resets_at - now)
        self._probe_first = True
        if self.window is None:
            self.usage.lowest_remaining = 0.0  # back to one at a time
        if closed_for > 0:
            self._cooldown.close(now, closed_for)
            return
        window = self.window
        if window is not None and window.length:
            rate = self.limit / window.length
        else:
            rate = (self.usage.in_flight + 1) / self.traffic.round_trip
        self._cooldown.back_off(now, rate)

    def _update_bounds(self, now: float) -> None:
        self._foreign = self.traffic.headroom(now)
        # A limit of 1 has no reserve.
        self._reserve = max(
            0, min(ceil(self.limit * self._reserved_part), self.limit - 1)
        )
        self._floor = max(_BURST_ABOVE * self.limit, self._reserve + self._foreign)
        if self._probe_first or self._cooldown.gap or now < self._cooldown.closed_until:
            self._burst_until = -inf
        elif self.window is None:
            self._burst_until = inf if self.usage.lowest_remaining == inf else -inf
        else:
            self._burst_until = self.window.resets_at
