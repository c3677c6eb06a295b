"""Gives the permits of one quota: at once, after a wait in order, or not at all.

An attempt that must wait is in the queue of its lane. One timer wakes the queues, and
so does every attempt that ends; either admits as many as the quota has room for.
Source: `docs/adr/0004-holding-on-quota.md`.
"""

import asyncio
from collections.abc import Callable, Mapping

from gateway.core.backoff import ATTEMPT_MARGIN
from gateway.core.clock import Clock
from gateway.core.errors import Overloaded, RateLimited
from gateway.core.exchange import Exchange
from gateway.core.lanes import Lane
from gateway.ratelimit.fairness.fair_queue import FairQueue
from gateway.ratelimit.options import RateLimitOptions
from gateway.ratelimit.policy import Limiter
from gateway.ratelimit.timer import Timer
from gateway.ratelimit.window_usage import Permit, Route

_SHORTEST_WAIT = 0.001  # s
_SHED_FOR = 5.0  # s; the Retry-After of batch work that was refused
_SLACK = 0.05  # s; a clock's rounding must not refuse a request that comes on time


class _Waiter:
    """One attempt in a queue; its outcome is what `hold` returns of it."""

    __slots__ = ("outcome", "permit", "until")

    def __init__(self, permit: Permit, until: float) -> None:
        """Wait for a permit until a moment, s, monotonic."""
        self.permit = permit
        self.until = until  # s, monotonic; afterwards it is refused
        # True: admitted; False: its time is up; None: it draws on another quota.
        self.outcome: asyncio.Future[bool | None] = (
            asyncio.get_running_loop().create_future()
        )


class Permits:
    """The permits of one quota, and the attempts that wait for them."""

    def __init__(
        self,
        limiter: Limiter,
        options: RateLimitOptions,
        clock: Clock,
        on_wait: Callable[[float], None],
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """Start with empty queues.

        Args:
            limiter: Decides when an attempt may go.
            options: Longest wait.
            clock: Real or fake.
            on_wait: Called with the time that an attempt was held, s.
            weights: Of callers that are configured; others have 1.
        """
        self.limiter = limiter
        self.waiting = 0
        self._options = options
        self._clock = clock
        self._on_wait = on_wait
        self._queues: tuple[FairQueue[_Waiter], ...] = tuple(
            FairQueue(weights) for _ in Lane
        )
        self._timer = Timer(clock, self.wake)
        self._slot_at = 0.0  # when the first in the queue is likely to be served

    @property
    def _facts(self) -> tuple[int | None, int | None, int, int]:
        """Limit, remaining, in flight and waiting; None where it is not known."""
        usage, limit = self.limiter.usage, self.limiter.limit or None
        remaining = max(0, int(usage.lowest_remaining)) if limit else None
        return limit, remaining, usage.in_flight, self.waiting

    @property
    def busy(self) -> bool:
        """Whether attempts wait or are in flight."""
        return bool(self.waiting or self.limiter.usage.in_flight)

    def take(self, exchange: Exchange, permit: Permit, now: float) -> bool:
        """Take a place in the quota if there is one now; False: `hold` it.

        Args:
            exchange: Of the attempt.
            permit: To be filled in.
            now: s, monotonic.
        """
        self.limiter.shares.arrived(permit.caller)
        if self.waiting or self.limiter.acquire(permit, now) > 0:
            return False
        exchange.history.step(now, "permit", 0.0, *self._facts)
        return True

    def shed(self) -> bool:
        """Refuse the newest batch attempt that waits; False: none does."""
        batch = max(self._queues[Lane.BATCH :], key=len)
        newest = max(batch, key=lambda waiter: waiter.until, default=None)
        if newest is None or not batch.remove(newest.permit.caller, newest):
            return False
        self.waiting -= 1
        self.limiter.shares.gave_up(newest.permit.caller)
        if not newest.outcome.done():
            newest.outcome.set_exception(
                Overloaded(
                    "the gateway is full, and batch work makes room first",
                    retry_after=_SHED_FOR,
                )
            )
        return True

    async def hold(
        self,
        exchange: Exchange,
        permit: Permit,
        began: float,
        may_explore: Callable[[Route, float], bool],
    ) -> bool:
        """Wait for a place; a failure leaves no trace in the quota.

        Args:
            exchange: Of the attempt.
            permit: To be filled in.
            began: s, monotonic; when the attempt first asked for a place.
            may_explore: Returns whether a route may send one attempt without a place.

        Returns:
            True with a place; False where the route draws on another quota by now.

        Raises:
            RateLimited: there will be no room in time; nothing was sent.
        """
        until = min(began + self._options.max_wait, exchange.deadline - ATTEMPT_MARGIN)
        now = self._clock.now()
        wait = self._predict(permit, now)
        if wait > 0 and now + wait > until and self._explores(permit, now, may_explore):
            self.limiter.count(permit, now)
            wait = 0.0
        if wait == 0.0:
            exchange.history.step(now, "permit", 0.0, *self._facts)
            return True
        if now + wait > until:
            raise self._refusal(exchange, permit, now, wait)
        granted = await self._wait(exchange, permit, now, wait, until)
        if granted is not False:
            return bool(granted)
        now = self._clock.now()
        wait = self._predict(permit, now)
        if wait > 0:
            raise self._refusal(exchange, permit, now, wait)
        return True

    def _explores(
        self, permit: Permit, now: float, may_explore: Callable[[Route, float], bool]
    ) -> bool:
        if permit.lane >= Lane.BATCH or self.limiter.closed(now):
            return False
        return may_explore(permit.route, now)

    async def _wait(
        self, exchange: Exchange, permit: Permit, now: float, wait: float, until: float
    ) -> bool | None:
        """Wait in the queue; return the outcome (see `_Waiter`)."""
        waiter = _Waiter(permit, until)
        self._queues[permit.lane].push(permit.caller, waiter)
        self.waiting += 1
        self._timer.set(now, min(now + wait, until))
        try:
            return await waiter.outcome
        except asyncio.CancelledError:
            self._withdraw(waiter)
            raise
        finally:
            held = self._clock.now() - now
            exchange.history.waits.permit += held
            exchange.history.step(now, "permit", held, *self._facts)
            self._on_wait(held)

    def requeue(self, route: Route) -> None:
        """Send the waiting attempts of a route to the quota that it draws on now."""
        if not self.waiting:
            return
        for queue in self._queues:
            for waiter in [one for one in queue if one.permit.route == route]:
                queue.remove(waiter.permit.caller, waiter)
                self.waiting -= 1
                self.limiter.shares.gave_up(waiter.permit.caller)
                if not waiter.outcome.done():
                    waiter.outcome.set_result(None)

    def _predict(self, permit: Permit, now: float) -> float:
        """Return the likely wait, s; 0.0: the place is taken already."""
        ahead = self._ahead(permit)
        if ahead:
            wait = max(_SHORTEST_WAIT, self._slot_at - now)
            return self.limiter.predict(permit, now, ahead, wait)
        wait = self.limiter.acquire(permit, now)
        if wait == 0.0 or not self.waiting:
            self._slot_at = now + wait
        return wait

    def _ahead(self, permit: Permit) -> int:
        """Return how many attempts of the same caller are served before."""
        before = self._queues[: permit.lane + 1]
        return sum(queue.of(permit.caller) for queue in before)

    def _refusal(
        self, exchange: Exchange, permit: Permit, now: float, wait: float
    ) -> RateLimited:
        limiter = self.limiter
        limiter.shares.gave_up(permit.caller)
        longest_wait = exchange.deadline - exchange.started - ATTEMPT_MARGIN
        wait = limiter.retry_in(
            permit,
            now,
            self._ahead(permit),
            wait,
            early=max(0.0, min(self._options.max_wait, longest_wait) - _SLACK),
        )
        exchange.history.step(now, "refused_by_limiter", round(wait, 1), *self._facts)
        quota = f"of {limiter.limit} requests per window " if limiter.limit else ""
        return RateLimited(
            f"Dinie's quota {quota}has no room for this request in time; nothing was "
            f"sent. Repeat it in {wait:.1f} s.",
            retry_after=wait,
        )

    def _withdraw(self, waiter: _Waiter) -> None:
        """Remove a cancelled waiter, or give back the place that it was just given."""
        outcome, permit = waiter.outcome, waiter.permit
        if outcome.done() and not outcome.cancelled():
            if outcome.result():
                self.limiter.not_sent(permit)
            elif outcome.result() is False:
                self.limiter.shares.gave_up(permit.caller)
        elif self._queues[permit.lane].remove(permit.caller, waiter):
            self.limiter.shares.gave_up(permit.caller)
            self.waiting -= 1
        self.wake()

    def wake(self) -> None:
        """Admit those that the quota has room for; refuse those whose time is up."""
        if not self.waiting:
            self._timer.cancel()
            return
        now = self._clock.now()
        next_at = self._admit(now)
        for queue in self._queues:
            for waiter in [one for one in queue if one.until <= now]:
                queue.remove(waiter.permit.caller, waiter)
                self._resolve(waiter, granted=False)
            next_at = min([next_at, *(waiter.until for waiter in queue)])
        if self.waiting:
            self._timer.set(now, next_at)

    def _admit(self, now: float) -> float:
        """Serve the queues in order; return when to ask again, s."""
        soonest = float("inf")
        # Callers whose share is used up do not block others.
        passed: set[str] = set()
        for queue in self._queues:
            while turn := queue.head(passed):
                caller, waiter = turn
                wait = self.limiter.acquire(waiter.permit, now)
                if wait > 0:
                    soonest = min(soonest, now + wait)
                    passed.add(caller)
                    continue
                self._resolve(queue.pop(caller), granted=True)
        if passed:
            self._slot_at = soonest
        return soonest

    def _resolve(self, waiter: _Waiter, *, granted: bool) -> None:
        self.waiting -= 1
        # A cancelled waiter is in the queue until its task runs again.
        if waiter.outcome.done():
            if granted:
                self.limiter.not_sent(waiter.permit)
            return
        waiter.outcome.set_result(granted)
