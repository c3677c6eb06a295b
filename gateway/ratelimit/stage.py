"""Hold each attempt until the learned quota has room; learn from each response.

Runs once per attempt, inside the retry and around the transport.
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
from gateway.ratelimit.quotas import Books
from gateway.ratelimit.snapshot import Snapshot, snapshot
from gateway.ratelimit.window_usage import Permit

_REFUSED = 429


def _ignore(seconds: float) -> None:
    """Report nothing."""


class RateLimitStage:
    """Runs once per attempt, above the bulkhead: a wait for a permit holds no slot."""

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

        def book() -> Permits:
            limiter = Limiter(options.reserve, random, weights)
            return Permits(limiter, options, clock, on_wait, weights)

        self._books = Books(book)

    @property
    def snapshot(self) -> Snapshot:
        """Return the quota as it stands; of several, the tightest in use."""
        tightest = self._books.tightest(self._clock.now())
        books = self._books.all
        known = [book.limiter for book in books]
        return snapshot(tightest.limiter, known, sum(book.waiting for book in books))

    async def __call__(self, exchange: Exchange, send: Send) -> UpstreamResponse:
        """Send one attempt when the quota has room for it.

        Raises:
            RateLimited: there will be no room in time; nothing was sent.
        """
        if exchange.own_bearer and self._options.session_tokens == "apart":
            # A customer's session has a quota of its own, if any: the attempt neither
            # takes from that of our client id nor tells of it.
            return await send(exchange)
        route = exchange.method, exchange.route
        permit = Permit(lane_of(exchange), exchange.caller, route)
        book = self._books.of(route)
        now = began = self._clock.now()
        if not self._options.enabled:
            book.limiter.shares.arrived(permit.caller)
            book.limiter.count(permit, now)
        else:
            while not book.take(exchange, permit, now):
                if await book.hold(exchange, permit, began, self._books.may_look):
                    break
                book, now = self._books.of(route), self._clock.now()
        before = exchange.sends
        try:
            response = await send(exchange)
        except BaseException:
            # Cancellation too: what was written may have been counted.
            if exchange.sends == before:
                book.limiter.not_sent(permit)
            else:
                book.limiter.lost(permit, self._clock.now())
            book.wake()
            raise
        if exchange.canary:
            # It was counted for the next credential, which may have another quota.
            book.limiter.not_sent(permit)
            book.wake()
        else:
            self._answered(book, permit, response, exchange.sends - before)
        return response

    def _answered(
        self, book: Permits, permit: Permit, response: UpstreamResponse, sends: int
    ) -> None:
        now, unix = self._clock.now(), self._clock.unix()
        refused = response.status == _REFUSED
        seen = advertised(response.headers, now=now, unix=unix)
        if seen is not None:
            named = self._books.named(permit.route, book, seen, permit, now)
            if named is not book:
                book.limiter.disowned(permit, now)
                book.release(permit.route)
                book.wake()
                named.limiter.adopt(permit)
                book = named
        book.limiter.answered(
            permit,
            now,
            seen,
            status=response.status,
            wait=retry_after(response.headers, unix=unix) if refused else None,
            sends=max(1, sends),
        )
        book.wake()

    def shed(self) -> bool:
        """Send the newest batch work that waits away; False: none does."""
        books = self._books.all
        if len(books) > 1:
            books = sorted(books, key=lambda book: book.waiting, reverse=True)
        return any(book.shed() for book in books)
