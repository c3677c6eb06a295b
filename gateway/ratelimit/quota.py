"""Holds what is known of one quota, and learns from each response. Pure."""

from collections.abc import Callable, Mapping
from math import ceil, inf

from gateway.ratelimit.cooldown import LONG, Cooldown
from gateway.ratelimit.fairness.shares import Shares
from gateway.ratelimit.headers import Advertised
from gateway.ratelimit.traffic import Traffic
from gateway.ratelimit.window import Window
from gateway.ratelimit.window_usage import Ledger, Permit

PROBE_SPREAD = 0.5  # s; replicas must not all probe at the same moment
_BURST_ABOVE = 0.2  # of the limit; below, attempts are paced
_LENGTH = 60.0  # s; a window whose length nobody told
_REFUSED = 429
_SERVER_ERROR = 500
_LAGS = 0.05  # of the limit; what a server may still tell as remaining when it refuses
_SILENT_ERRORS = 3  # 5xx without headers, before we believe that there are no headers


class Quota:
    """The quota as learned. A permit ends by `answered`, `not_sent` or `lost`."""

    def __init__(
        self,
        reserve: float,
        random: Callable[[], float],
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """Start knowing nothing.

        Args:
            reserve: Share of the limit kept for the priority lane.
            random: Returns from [0, 1).
            weights: Of callers that are configured; others have 1.
        """
        self.shares = Shares(weights)
        self.limit = 0  # 0 while no answer told
        self.ledger = Ledger()
        self.window: Window | None = None
        self.traffic = Traffic()
        self._cooldown = Cooldown()
        self._share = reserve
        self._random = random
        self._granted_at = -inf
        self._probe: Permit | None = None
        self._probed_at = -inf
        self._wary = False  # after a 429, one goes first
        self._assumed = False  # the window was not advertised, only supposed
        self._silent = 0
        self._jitter = 0.0
        self._overdue = False  # the window's time is up, and no answer told of the next
        # What `acquire` looks at each time, worked out once per answer:
        self._burst_until = -inf
        self._floor = 0.0  # room above it is there for everybody
        self._reserve = self._foreign = 0

    @property
    def foreign_share(self) -> float:
        """Return the share of the limit that others took in this window, at least."""
        return self.traffic.foreign / self.limit if self.limit else 0.0

    def _room(self) -> float:
        return self.ledger.lowest_remaining - self.ledger.owed - self._foreign

    def _places(self, *, advertised: bool) -> float:
        """Return how many places of the window there are to share.

        What was sent before the window opened may be counted in it: where an answer
        advertised of the window, it is what was used and what is left.
        """
        places: float = self.limit - self._foreign
        if advertised:
            places = min(places, self._room() + self.shares.used)
        return places - self._reserve

    def _expire(self, now: float) -> None:
        """Share the next window, which has begun, before an answer tells of it."""
        if not self._overdue:
            self._overdue = True
            self.shares.opened(now)

    @property
    def assumed(self) -> bool:
        """Whether the window is only supposed to have begun."""
        return self._assumed

    def closed(self, now: float) -> bool:
        """Return whether a 429 keeps everybody away."""
        return now < self._cooldown.closed_until

    def count(self, permit: Permit, now: float) -> None:
        """Take a place without asking whether there is one."""
        self.ledger.take(permit, now)
        self.shares.took(permit.caller)

    def adopt(self, permit: Permit) -> None:
        """Count an attempt that its response says to be of this quota."""
        self.shares.arrived(permit.caller)
        self.count(permit, permit.taken_at)
        if permit.taken_at < self.traffic.opened_at:
            permit.serial = -1
            self.ledger.late += 1

    def disowned(self, permit: Permit, now: float) -> None:
        """End an attempt that its response says to be of another quota.

        It may have been counted in this one as well.
        """
        self._end(permit)
        if self.window is not None:
            self.ledger.count_headerless(now)

    def not_sent(self, permit: Permit) -> None:
        """Give back the place of an attempt that never left."""
        self._end(permit)
        self.shares.gave_back(permit.caller)

    def _end(self, permit: Permit) -> None:
        self.ledger.end(permit)
        if permit is self._probe:
            self._probe = None

    def lost(self, permit: Permit, now: float) -> None:
        """Keep the place of an attempt that left and was not answered, as a ghost."""
        self._end(permit)
        if self.window is not None:
            self.ledger.count_unanswered(now)

    def answered(
        self,
        permit: Permit,
        now: float,
        seen: Advertised | None,
        *,
        status: int = 200,
        wait: float | None = None,
        sends: int = 1,
    ) -> None:
        """End an attempt and learn from its answer.

        Args:
            permit: Of the attempt.
            now: s.
            seen: What the answer advertises.
            status: Of the answer; only a 429 closes.
            wait: s; the answer's Retry-After.
            sends: How often the attempt was written to a connection.
        """
        self.ledger.end(permit)
        self.traffic.timed(now - permit.taken_at)
        stale = False
        if seen is None:
            self._unseen(permit, now, status)
        else:
            stale = not self._learn(permit, now, seen, sends)
        if permit is self._probe:
            self._probe = None
        if status == _REFUSED:
            if not stale:
                self._close(now, seen, wait)
        elif permit.taken_at >= self._cooldown.closed_at:
            self._cooldown.reopen(now, self.window.length if self.window else 0.0)
            self._wary = False
        self._refresh(now)

    def _unseen(self, permit: Permit, now: float, status: int) -> None:
        """Take an answer that advertises nothing."""
        if self.window is not None:
            self.ledger.count_headerless(now)
            if permit is self._probe and now >= self.window.resets_at:
                self.assume(now, self.window)
            return
        self._silent += 1
        if status < _SERVER_ERROR or self._silent >= _SILENT_ERRORS:
            self.ledger.lowest_remaining = inf

    def assume(self, now: float, window: Window) -> None:
        """Suppose that a new window has begun."""
        if self._assumed:  # a whole window, and nobody advertised anything
            self.window, self.limit, self._assumed = None, 0, False
            self._opened(now, inf)
        else:
            window.resets_at = now + (window.length or _LENGTH)
            self._assumed = True
            self._opened(now, self.limit)

    def _opened(self, now: float, remaining: float, before: int = 0) -> None:
        self.ledger.open(remaining)
        self._probe = None
        self._jitter = PROBE_SPREAD * self._random()
        self.traffic.opened(now, before=before)
        if not self._overdue:
            self.shares.opened(now)
        self._overdue = False
        self._refresh(now)

    def _learn(self, permit: Permit, now: float, seen: Advertised, sends: int) -> bool:
        """Fold in what an answer advertises; False: it was out of date."""
        window = self.window
        used = seen.limit - seen.remaining
        if window is None:
            self.window = Window(seen, now)
            self._begin(now, seen, before=used)
            self.ledger.record_remaining(seen.remaining, permit, now)
            return True
        verdict = window.judge(seen, taken_at=permit.taken_at)
        # An answer to an attempt from after this window's opening is never out of
        # date: then the server corrects us.
        early = permit.serial != self.ledger.serial or window.sliding
        if early and (verdict == "older" or (verdict == "same" and self._assumed)):
            return False
        window.watch(seen, now)
        if verdict == "same":
            self._lower(permit, now, seen, window)
        else:
            # Where the last one was not over, what is used was not used since.
            before = 0 if window.ending(now) else used - sends
            window.follow(seen, now)
            if window.sliding:
                self.ledger.lowest_remaining, self.limit = seen.remaining, seen.limit
            else:
                self._begin(now, seen, before)
        self.ledger.record_remaining(seen.remaining, permit, now)
        if window.sliding:
            self.ledger.slid(permit, now, window.length)
        else:
            self.traffic.counted(used, sends, self.ledger.owed)
        return True

    def _begin(self, now: float, seen: Advertised, before: int) -> None:
        self.limit = seen.limit
        self._assumed = False
        self._opened(now, seen.remaining, before)

    def _lower(
        self, permit: Permit, now: float, seen: Advertised, window: Window
    ) -> None:
        """Take an answer from the window that we are in."""
        self.limit = seen.limit
        self._assumed = False
        late = permit is self._probe and permit.taken_at >= window.resets_at
        window.refine(seen)
        shut = window.length > LONG and self.ledger.lowest_remaining <= self._reserve
        if shut and not self.ledger.owed:
            # A look that is alone: the server knows better than what it said before.
            self.ledger.lowest_remaining = seen.remaining
        if late:  # it went at the window's end and found it still going on
            window.outlived(now)

    def _close(self, now: float, seen: Advertised | None, wait: float | None) -> None:
        """Stay away after a 429."""
        stay = wait or 0.0
        # With something remaining it was not this quota that refused: the window goes
        # on afterwards. A little may remain by a count that lags behind.
        most = 0 if wait is not None else _LAGS * self.limit
        if seen is not None and seen.remaining <= most:
            stay = max(stay, seen.resets_at - now)
        self._wary = True
        if self.window is None:
            self.ledger.lowest_remaining = 0.0  # back to one at a time
        if stay > 0:
            self._cooldown.close(now, stay)
            return
        window = self.window
        if window is not None and window.length:
            rate = self.limit / window.length
        else:
            rate = (self.ledger.in_flight + 1) / self.traffic.round_trip
        self._cooldown.strike(now, rate)

    def _refresh(self, now: float) -> None:
        self._foreign = self.traffic.headroom(now)
        # A limit of 1 has nothing to keep back.
        self._reserve = max(0, min(ceil(self.limit * self._share), self.limit - 1))
        self._floor = max(_BURST_ABOVE * self.limit, self._reserve + self._foreign)
        if self._wary or self._cooldown.gap or now < self._cooldown.closed_until:
            self._burst_until = -inf
        elif self.window is None:
            self._burst_until = inf if self.ledger.lowest_remaining == inf else -inf
        else:
            self._burst_until = self.window.resets_at
