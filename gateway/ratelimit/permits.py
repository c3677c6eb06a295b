"""Permits of one quota: taken at once, waited for in order, or refused.

Whoever must wait stands in the queue of its lane. One timer wakes the queues, and so
does every attempt that ends; either lets through exactly as many as the quota admits.
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
_SHED_FOR = 5.0  # s; when batch work may come again
_SLACK = 0.05  # s


class _Waiter:
    """One attempt in a queue."""

    __slots__ = ("gate", "permit", "until")

    def __init__(self, permit: Permit, until: float) -> None:
        self.permit = permit
        self.until = until  # s, monotonic; afterwards it is refused
        self.gate: asyncio.Future[bool | None] = (
            asyncio.get_running_loop().create_future()
        )


class Permits:
    """Who may send now, who waits for it, and who has to come again."""

    def __init__(
        self,
        limiter: Limiter,
        options: RateLimitOptions,
        clock: Clock,
        on_wait: Callable[[float], None],
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """Start with nobody waiting.

        Args:
            limiter: What is known of the quota.
            options: Longest wait.
            clock: Real or fake.
            on_wait: Hears how long an attempt was held, s, where it was.
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
        """Return limit, remaining, in flight and waiting; None where nobody told."""
        ledger, limit = self.limiter.ledger, self.limiter.limit or None
        remaining = max(0, int(ledger.lowest_remaining)) if limit else None
        return limit, remaining, ledger.in_flight, self.waiting

    @property
    def busy(self) -> bool:
        """Whether attempts wait or are in flight."""
        return bool(self.waiting or self.limiter.ledger.in_flight)

    def take(self, exchange: Exchange, permit: Permit, now: float) -> bool:
        """Take a place in the quota if there is one at once; False: `hold` it.

        Args:
            exchange: Whose attempt it is.
            permit: To be filled in.
            now: s.
        """
        self.limiter.shares.arrived(permit.caller)
        if self.waiting or self.limiter.acquire(permit, now) > 0:
            return False
        exchange.step(now, "permit", 0.0, *self._facts)
        return True

    def shed(self) -> bool:
        """Send the newest batch work that waits away; False: none does."""
        batch = max(self._queues[Lane.BATCH :], key=len)
        newest = max(batch, key=lambda waiter: waiter.until, default=None)
        if newest is None or not batch.remove(newest.permit.caller, newest):
            return False
        self.waiting -= 1
        self.limiter.shares.gave_up(newest.permit.caller)
        if not newest.gate.done():
            newest.gate.set_exception(
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
        may_look: Callable[[Route, float], bool],
    ) -> bool:
        """Wait for a place in the queue; leave no trace where that fails.

        Args:
            exchange: Whose attempt it is.
            permit: To be filled in.
            began: s; when it first asked for a place.
            may_look: Says whether a route may send one attempt without a place.

        Returns:
            False where its route draws on another quota by now: ask there.

        Raises:
            RateLimited: there will be no room in time; nothing was sent.
        """
        until = min(began + self._options.max_wait, exchange.deadline - ATTEMPT_MARGIN)
        now = self._clock.now()
        wait = self._predict(permit, now)
        if wait > 0 and now + wait > until and self._looks(permit, now, may_look):
            self.limiter.count(permit, now)
            wait = 0.0
        if wait == 0.0:
            exchange.step(now, "permit", 0.0, *self._facts)
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

    def _looks(
        self, permit: Permit, now: float, may_look: Callable[[Route, float], bool]
    ) -> bool:
        if permit.lane >= Lane.BATCH or self.limiter.closed(now):
            return False
        return may_look(permit.route, now)

    async def _wait(
        self, exchange: Exchange, permit: Permit, now: float, wait: float, until: float
    ) -> bool | None:
        """Stand in the queue; None: the route draws on another quota."""
        waiter = _Waiter(permit, until)
        self._queues[permit.lane].push(permit.caller, waiter)
        self.waiting += 1
        self._timer.set(now, min(now + wait, until))
        try:
            return await waiter.gate
        except asyncio.CancelledError:
            self._leave(waiter)
            raise
        finally:
            held = self._clock.now() - now
            exchange.waits.permit += held
            exchange.step(now, "permit", held, *self._facts)
            self._on_wait(held)

    def release(self, route: Route) -> None:
        """Send those of a route that wait to the quota that it draws on now."""
        if not self.waiting:
            return
        for queue in self._queues:
            for waiter in [one for one in queue if one.permit.route == route]:
                queue.remove(waiter.permit.caller, waiter)
                self.waiting -= 1
                self.limiter.shares.gave_up(waiter.permit.caller)
                if not waiter.gate.done():
                    waiter.gate.set_result(None)

    def _predict(self, permit: Permit, now: float) -> float:
        """Return the wait to be expected, s; 0.0: the place is taken already."""
        ahead = self._ahead(permit)
        if ahead:
            wait = max(_SHORTEST_WAIT, self._slot_at - now)
            return self.limiter.predict(permit, now, ahead, wait)
        wait = self.limiter.acquire(permit, now)
        if wait == 0.0 or not self.waiting:
            self._slot_at = now + wait
        return wait

    def _ahead(self, permit: Permit) -> int:
        """Return how many of the same caller are served before."""
        before = self._queues[: permit.lane + 1]
        return sum(queue.of(permit.caller) for queue in before)

    def _refusal(
        self, exchange: Exchange, permit: Permit, now: float, wait: float
    ) -> RateLimited:
        limiter = self.limiter
        limiter.shares.gave_up(permit.caller)
        patience = exchange.deadline - exchange.started - ATTEMPT_MARGIN
        wait = limiter.come_again(
            permit,
            now,
            self._ahead(permit),
            wait,
            # Whoever comes so early is held. A clock's rounding must not refuse it.
            early=max(0.0, min(self._options.max_wait, patience) - _SLACK),
        )
        exchange.step(now, "refused_by_limiter", round(wait, 1), *self._facts)
        quota = f"of {limiter.limit} requests per window " if limiter.limit else ""
        return RateLimited(
            f"Dinie's quota {quota}has no room for this request in time; nothing was "
            f"sent. Come again in {wait:.1f} s.",
            retry_after=wait,
        )

    def _leave(self, waiter: _Waiter) -> None:
        """Forget a cancelled waiter, or give back what it was just granted."""
        gate, permit = waiter.gate, waiter.permit
        if gate.done() and not gate.cancelled():
            if gate.result():
                self.limiter.not_sent(permit)
            elif gate.result() is False:
                self.limiter.shares.gave_up(permit.caller)
        elif self._queues[permit.lane].remove(permit.caller, waiter):
            self.limiter.shares.gave_up(permit.caller)
            self.waiting -= 1
        self.wake()

    def wake(self) -> None:
        """Let through whom the quota admits, refuse whose time is up."""
        if not self.waiting:
            self._timer.cancel()
            return
        now = self._clock.now()
        next_at = self._admit(now)
        for queue in self._queues:
            for waiter in [one for one in queue if one.until <= now]:
                queue.remove(waiter.permit.caller, waiter)
                self._open(waiter, granted=False)
            next_at = min([next_at, *(waiter.until for waiter in queue)])
        if self.waiting:
            self._timer.set(now, next_at)

    def _admit(self, now: float) -> float:
        """Serve the queues in order; return when to look again."""
        soonest = float("inf")
        # Callers whose share is used up: they block nobody, and keep their own order.
        passed: set[str] = set()
        for queue in self._queues:
            while turn := queue.head(passed):
                caller, waiter = turn
                wait = self.limiter.acquire(waiter.permit, now)
                if wait > 0:
                    soonest = min(soonest, now + wait)
                    passed.add(caller)
                    continue
                self._open(queue.pop(caller), granted=True)
        if passed:
            self._slot_at = soonest
        return soonest

    def _open(self, waiter: _Waiter, *, granted: bool) -> None:
        self.waiting -= 1
        # A cancelled one still stands here until it runs again.
        if waiter.gate.done():
            if granted:
                self.limiter.not_sent(waiter.permit)
            return
        waiter.gate.set_result(granted)
