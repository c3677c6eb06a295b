"""Counts requests per window, and tells of it in the rate limit headers."""

from email.utils import formatdate

from gateway.core.clock import Clock
from gateway.simulator.options import SimulatorOptions
from gateway.simulator.response import Reply, problem


class Quota:
    """A fixed window, with the three headers on every reply."""

    def __init__(self, options: SimulatorOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._ends = 0.0  # s, Unix
        self._left = 0

    def take(self) -> Reply | None:
        """Take one request out of the window; return the 429 when it is spent."""
        now = self._roll()
        if self._left > 0:
            self._left -= 1
            return None
        wait = max(0, round(self._ends - now))
        reply = problem(429, "rate_limit_exceeded", f"try again in {wait} seconds")
        options = self._options
        if options.retry_after is not None:
            reply.headers["Retry-After"] = f"{options.retry_after:g}"
        if options.retry_after_ms is not None:
            reply.headers["Retry-After-Ms"] = f"{options.retry_after_ms:g}"
        return reply

    def headers(self, *, skew: float = 0.0) -> dict[str, str]:
        """Return what every reply says about the window and the time.

        Args:
            skew: s, added to the Date.
        """
        now = self._roll()
        reset = self._ends
        if self._options.reset_style == "delta":
            reset = max(0.0, self._ends - now)
        return {
            "X-RateLimit-Limit": str(self._options.rate_limit),
            "X-RateLimit-Remaining": str(self._left),
            "X-RateLimit-Reset": str(int(reset)),
            "Date": formatdate(now + skew, usegmt=True),
        }

    def _roll(self) -> float:
        """Begin a window where the last one is over; return the time (s, Unix)."""
        now = self._clock.unix()
        if now >= self._ends:
            # Whole seconds, so that what is advertised is what holds.
            self._ends = float(int(now + self._options.rate_window))
            self._left = self._options.rate_limit
        return now
