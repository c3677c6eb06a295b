"""Holds each attempt until the quota has room, and learns from each response.

Runs once per attempt. Source: `docs/adr/0004-holding-on-quota.md`.
"""

from collections.abc import Callable, Mapping

from gateway.core.clock import Clock
from gateway.core.exchange import Exchange
from gateway.core.lanes import lane_of
from gateway.core.retry_after import retry_after
from gateway.core.stage import Send
from gateway.core.upstream_response import UpstreamResponse
from gateway.ratelimit.headers import advertised
from gateway.ratelimit.options import RateLimitOptions
from gateway.ratelimit.permits import Permits
from gateway.ratelimit.policy import Limiter
from gateway.ratelimit.quotas import Quotas
from gateway.ratelimit.snapshot import Snapshot, snapshot
from gateway.ratelimit.window_usage import Permit

_REFUSED = 429


def _ignore(seconds: float) -> None:
    """Report nothing."""


class RateLimitStage:
    """Admits attempts by Dinie's quotas; one that waits for a permit holds no slot."""

    def __init__(
        self,
        options: RateLimitOptions,
        clock: Clock,
        random: Callable[[], float],
        on_wait: Callable[[float], None] = _ignore,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """Start without a known quota.

        Args:
            options: Longest wait and reserve; `enabled` False: nothing is held.
            clock: Real or fake.
            random: Returns from [0, 1).
            on_wait: Called with the time that an attempt was held, s.
            weights: Of callers that are configured; others have 1.
        """
        self._options = options
        self._clock = clock

        def permits() -> Permits:
            limiter = Limiter(options.reserve, random, weights)
            return Permits(limiter, options, clock, on_wait, weights)

        self._quotas = Quotas(permits)

    @property
    def snapshot(self) -> Snapshot:
        """The quotas as they stand; limit and remaining are the tightest's in use."""
        tightest = self._quotas.tightest(self._clock.now())
        quotas = self._quotas.all
        known = [quota.limiter for quota in quotas]
        return snapshot(tightest.limiter, known, sum(quota.waiting for quota in quotas))

    async def __call__(self, exchange: Exchange, send: Send) -> UpstreamResponse:
        """Send one attempt when the quota has room for it.

        Raises:
            RateLimited: there will be no room in time; nothing was sent.
        """
        if exchange.own_bearer and self._options.session_tokens == "apart":
            # A customer's session has a quota of its own, if any: the attempt neither
            # takes from that of our client id nor says anything about it.
            return await send(exchange)
        route = exchange.method, exchange.target.route
        permit = Permit(lane_of(exchange), exchange.caller, route)
        permits = self._quotas.of(route)
        now = began = self._clock.now()
        if not self._options.enabled:
            permits.limiter.shares.arrived(permit.caller)
            permits.limiter.count(permit, now)
        else:
            while not permits.take(exchange, permit, now):
                if await permits.hold(
                    exchange, permit, began, self._quotas.may_explore
                ):
                    break
                permits, now = self._quotas.of(route), self._clock.now()
        before = exchange.history.sends
        try:
            response = await send(exchange)
        except BaseException:
            # Cancellation too: what was written may have been counted.
            if exchange.history.sends == before:
                permits.limiter.not_sent(permit)
            else:
                permits.limiter.lost(permit, self._clock.now())
            permits.wake()
            raise
        if exchange.canary:
            # It counts for the next credential, which may have a quota of its own.
            permits.limiter.not_sent(permit)
            permits.wake()
        else:
            self._responded(permits, permit, response, exchange.history.sends - before)
        return response

    def _responded(
        self, permits: Permits, permit: Permit, response: UpstreamResponse, sends: int
    ) -> None:
        now, unix = self._clock.now(), self._clock.unix()
        refused = response.status == _REFUSED
        seen = advertised(response.headers, now=now, unix=unix)
        if seen is not None:
            named = self._quotas.named(permit.route, permits, seen, permit, now)
            if named is not permits:
                permits.limiter.transfer_out(permit, now)
                permits.requeue(permit.route)
                permits.wake()
                named.limiter.transfer_in(permit)
                permits = named
        permits.limiter.responded(
            permit,
            now,
            seen,
            status=response.status,
            wait=retry_after(response.headers, unix=unix) if refused else None,
            sends=max(1, sends),
        )
        permits.wake()

    def shed(self) -> bool:
        """Refuse the newest batch attempt that waits; False: none does."""
        quotas = self._quotas.all
        if len(quotas) > 1:
            quotas = sorted(quotas, key=lambda permits: permits.waiting, reverse=True)
        return any(permits.shed() for permits in quotas)
