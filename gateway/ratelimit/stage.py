"""Hold each attempt until the learned quota has room; learn from each response.

Runs once per attempt, inside the retry and around the transport.
"""

from collections.abc import Callable, Mapping

from aiohttp import ClientRequest, ClientResponse
from aiohttp.client_middlewares import ClientHandlerType

from gateway.clock import Clock
from gateway.message import Exchange
from gateway.ratelimit.headers import advertised
from gateway.ratelimit.kinds import lane_of
from gateway.ratelimit.ledger import Permit
from gateway.ratelimit.options import RateLimitOptions
from gateway.ratelimit.permits import Permits
from gateway.ratelimit.policy import Limiter
from gateway.ratelimit.snapshot import Snapshot, snapshot
from gateway.retry_after import retry_after

_REFUSED = 429


def _ignore(seconds: float) -> None:
    """Report nothing."""


class RateLimitStage:
    """An aiohttp client middleware, once the exchange is bound in front."""

    def __init__(
        self,
        options: RateLimitOptions,
        clock: Clock,
        random: Callable[[], float],
        on_wait: Callable[[float], None] = _ignore,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """Start knowing nothing of the quota.

        Args:
            options: Longest wait and reserve; `enabled` False: it only learns.
            clock: Real or fake.
            random: Returns from [0, 1).
            on_wait: Hears how long an attempt was held, s, where it was.
            weights: Of callers that are configured; others have 1.
        """
        self._options = options
        self._clock = clock
        self._limiter = Limiter(options.reserve, random, weights)
        self._permits = Permits(self._limiter, options, clock, on_wait, weights)

    @property
    def snapshot(self) -> Snapshot:
        """Return the quota as it stands."""
        return snapshot(self._limiter, self._permits.waiting)

    async def __call__(
        self, exchange: Exchange, request: ClientRequest, handler: ClientHandlerType
    ) -> ClientResponse:
        """Send one attempt when the quota has room for it.

        Raises:
            RateLimited: there will be no room in time; nothing was sent.
        """
        if exchange.own_bearer and self._options.session_tokens == "apart":
            # A customer's session has a quota of its own, if any: the attempt neither
            # takes from that of our client id nor tells of it.
            return await handler(request)
        permit = Permit(lane_of(exchange), exchange.caller)
        now = self._clock.now()
        self._limiter.shares.arrived(permit.caller)
        if not self._options.enabled:
            self._limiter.ledger.take(permit, now)
            self._limiter.shares.took(permit.caller)
        else:
            await self._permits.take(exchange, permit, now)
        before = exchange.sends
        try:
            response = await handler(request)
        except BaseException:
            # Cancellation too: what was written may have been counted.
            if exchange.sends == before:
                self._limiter.not_sent(permit)
            else:
                self._limiter.lost(permit, self._clock.now())
            self._permits.wake()
            raise
        if exchange.canary:
            # It was counted for the next credential, which may have another quota.
            self._limiter.not_sent(permit)
            self._permits.wake()
        else:
            self._answered(permit, response, exchange.sends - before)
        return response

    def _answered(self, permit: Permit, response: ClientResponse, sends: int) -> None:
        now, unix = self._clock.now(), self._clock.unix()
        refused = response.status == _REFUSED
        self._limiter.answered(
            permit,
            now,
            advertised(response.headers, now=now, unix=unix),
            status=response.status,
            wait=retry_after(response.headers, unix=unix) if refused else None,
            sends=max(1, sends),
        )
        self._permits.wake()

    def shed(self) -> bool:
        """Send the newest batch work that waits away; False: none does."""
        return self._permits.shed()
