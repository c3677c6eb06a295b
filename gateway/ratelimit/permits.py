"""Permits of one quota: taken at once, waited for in order, or refused.

Whoever must wait stands in the queue of its lane. One timer wakes the queues, and so
does every attempt that ends; either lets through exactly as many as the quota admits.
"""

import asyncio
from collections.abc import Callable, Mapping

from gateway.clock import Clock
from gateway.errors import Overloaded, RateLimited
from gateway.message import Exchange
from gateway.ratelimit.ledger import Lane, Permit
from gateway.ratelimit.options import RateLimitOptions
from gateway.ratelimit.policy import Limiter
from gateway.ratelimit.queue import FairQueue

MARGIN = 0.3  # s; an attempt begun with less left could only be cut off
_SHORTEST_WAIT = 0.001  # s
_SHED_FOR = 5.0  # s; when batch work may come again
_SLACK = 0.05  # s
_ALARM_DRIFT = 0.001  # s; a timer this close is not set anew
_BATCH = 2  # the first of those for work that nobody waits for


class _Waiter:
    """One attempt in a queue."""

    __slots__ = ("gate", "permit", "until")

    def __init__(self, permit: Permit, until: float) -> None:
        self.permit = permit
        self.until = until  # s, monotonic; afterwards it is refused
        self.gate: asyncio.Future[bool] = asyncio.get_running_loop().create_future()


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
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at = 0.0
        self._slot_at = 0.0  # when the first in the queue is likely to be served

    @property
    def _facts(self) -> tuple[int | None, int | None, int, int]:
        """Return limit, remaining, in flight and waiting; None where nobody told."""
        ledger, limit = self.limiter.ledger, self.limiter.limit or None
        remaining = max(0, int(ledger.low)) if limit else None
        return limit, remaining, ledger.in_flight, self.waiting

    async def take(self, exchange: Exchange, permit: Permit, now: float) -> None:
        """Take a place in the quota, at once or in its turn.

        Args:
            exchange: Whose attempt it is.
            permit: To be filled in.
            now: s.

        Raises:
            RateLimited: there will be no room in time; nothing was sent.
        """
        if self.waiting or self.limiter.acquire(permit, now) > 0:
            await self._hold(exchange, permit, now)
        else:
            exchange.step(now, "permit", 0.0, *self._facts)

    def shed(self) -> bool:
        """Send the newest batch work that waits away; False: none does."""
        batch = max(self._queues[_BATCH:], key=len)
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

    async def _hold(self, exchange: Exchange, permit: Permit, began: float) -> None:
        """Wait for a permit in the queue; leave no trace where that fails."""
        until = min(began + self._options.max_wait, exchange.deadline - MARGIN)
        wait = self._predict(permit, began)
        if wait == 0.0:
            exchange.step(began, "permit", 0.0, *self._facts)
            return
        if began + wait > until:
            raise self._refusal(exchange, permit, began, wait)
        waiter = _Waiter(permit, until)
        self._queues[permit.lane].push(permit.caller, waiter)
        self.waiting += 1
        self._set_alarm(began, min(began + wait, until))
        try:
            granted = await waiter.gate
        except asyncio.CancelledError:
            self._leave(waiter)
            raise
        finally:
            held = self._clock.now() - began
            exchange.waits.permit += held
            exchange.step(began, "permit", held, *self._facts)
            self._on_wait(held)
        if not granted:
            now = self._clock.now()
            wait = self._predict(permit, now)
            if wait > 0:
                raise self._refusal(exchange, permit, now, wait)

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
        patience = exchange.deadline - exchange.started - MARGIN
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
            else:
                self.limiter.shares.gave_up(permit.caller)
        elif self._queues[permit.lane].remove(permit.caller, waiter):
            self.limiter.shares.gave_up(permit.caller)
            self.waiting -= 1
        self.wake()

    def wake(self) -> None:
        """Let through whom the quota admits, refuse whose time is up."""
        if not self.waiting:
            if self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None
            return
        now = self._clock.now()
        next_at = self._admit(now)
        for queue in self._queues:
            for waiter in [one for one in queue if one.until <= now]:
                queue.remove(waiter.permit.caller, waiter)
                self._open(waiter, granted=False)
            next_at = min([next_at, *(waiter.until for waiter in queue)])
        self._set_alarm(now, next_at)

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

    def _set_alarm(self, now: float, at: float) -> None:
        """Have the queues looked at then, or earlier."""
        if not self.waiting:
            return
        if self._alarm is not None:
            if self._alarm_at <= at + _ALARM_DRIFT:
                return  # it will look again, and then sleep on
            self._alarm.cancel()
        self._alarm_at = at
        # Owned: it lives only while somebody waits, and the last to leave ends it.
        loop = asyncio.get_running_loop()
        self._alarm = loop.create_task(self._ring(max(0.0, at - now)))

    async def _ring(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._alarm = None
        self.wake()
