"""Asks the circuit breaker before each attempt, and reports each attempt's verdict."""

from collections.abc import Callable
from typing import Final

from gateway.breaker.stage import BreakerStage
from gateway.core.attempt import AttemptFailed, Outcome
from gateway.core.exchange import Exchange
from gateway.core.stage import Send
from gateway.core.upstream_response import UpstreamResponse

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FAILURES: Final = frozenset({500, 502, 503, 504})
_VERDICTS: Final = {Outcome.NOT_SENT: "connect_failure", Outcome.TIMEOUT: "timeout"}


class AttemptBreakerStage:
    """Runs once per attempt, inside the retry: an open circuit spends no quota."""

    def __init__(
        self, breaker: BreakerStage, clock: Callable[[], float], *, probe_time: float
    ) -> None:
        """Guard the API with its breaker.

        Args:
            breaker: Of the API.
            clock: Monotonic, s.
            probe_time: s that an attempt needs left for a timeout to say something of
                the upstream, and not of its caller's short deadline.
        """
        self._breaker = breaker
        self._clock = clock
        self._probe_time = probe_time

    async def __call__(self, exchange: Exchange, send: Send) -> UpstreamResponse:
        """Send if the circuit lets the attempt pass.

        Raises:
            CircuitOpen: nothing was sent.
        """
        breaker, now = self._breaker, self._clock()
        exchange.history.step(now, "circuit", breaker.circuit)
        held = breaker.admit(
            safe=exchange.method in _SAFE,
            hurried=exchange.deadline - now < self._probe_time,
        )
        verdict = "ignored"
        try:
            response = await send(exchange)
            verdict = "failure" if response.status in _FAILURES else "success"
            return response
        except AttemptFailed as failure:
            if failure.of_upstream:
                verdict = _VERDICTS.get(failure.outcome, "failure")
            raise
        finally:
            breaker.record(verdict, held)
