"""Repeats an attempt where that is safe, within one deadline and one budget.

The policy decides (`policy.py`, `budget.py`); the loop here sends, waits on the clock
and sends again. ADR 15 says why the loop is our own.
"""

from collections.abc import Callable
from typing import Final

from gateway.core.attempt import UNKNOWN_OUTCOMES, AttemptFailed, Outcome
from gateway.core.backoff import ATTEMPT_MARGIN
from gateway.core.clock import Clock
from gateway.core.errors import CircuitOpen, GatewayError
from gateway.core.exchange import Exchange
from gateway.core.stage import Send
from gateway.core.upstream_response import UpstreamResponse
from gateway.retry.budget import RetryBudget
from gateway.retry.options import RetryOptions
from gateway.retry.outcomes import problem, with_earlier_attempts
from gateway.retry.policy import (
    RETRYABLE_STATUSES,
    TOO_MANY_REQUESTS,
    attempts_allowed,
    may_repeat,
    server_wait,
    wait_before,
)
from gateway.retry.ports import Observer

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSED: Final = 400
_SERVER_ERROR: Final = 500
_OF_A_PROXY: Final = frozenset({502, 504})  # what Dinie did behind it, it does not know
# s; with less left, the wait for a permit or a slot is cut
_WHOLE_WAIT: Final = 2.0 + ATTEMPT_MARGIN


class RetryStage:
    """Loops over the attempts of an exchange; holds the budget that all share."""

    def __init__(
        self,
        options: RetryOptions,
        *,
        clock: Clock,
        random: Callable[[], float],
        observer: Observer,
        horizon: Callable[[], float],
    ) -> None:
        """Start with a full budget.

        Args:
            options: Attempts, backoff, budget.
            clock: Real or fake; every wait is its.
            random: Returns from [0, 1).
            observer: Counts retries.
            horizon: Returns the moment (monotonic) past which no wait may reach: the
                end of a drain, or infinity.
        """
        self.budget = RetryBudget(options, now=clock.now())
        self._options = options
        self._clock = clock
        self._random = random
        self._observer = observer
        self._horizon = horizon

    async def __call__(self, exchange: Exchange, send: Send) -> UpstreamResponse:
        """Send until there is a response worth relaying; return it.

        Raises:
            GatewayError: the caller's problem, where there is none.
        """
        made = last_status = 0
        while True:
            made += 1
            began = self._clock.now()
            try:
                response = await send(exchange)
            except (AttemptFailed, GatewayError) as error:
                wait = self._after_failure(exchange, error, made, began)
            else:
                again = self._after_response(exchange, response, made, last_status)
                if again is None:
                    return response
                wait, last_status = again, response.status
                # Reading a long refusal to its end would hold the pool.
                response.end()
            await self._clock.sleep(wait)

    def _deposit(self, made: int) -> None:
        """Have a first attempt earn its share of a retry."""
        if made == 1:
            self.budget.deposit(now=self._clock.now())

    def _after_failure(
        self,
        exchange: Exchange,
        error: AttemptFailed | GatewayError,
        made: int,
        began: float,
    ) -> float:
        """Return the wait before the next attempt, s.

        Args:
            exchange: Whose attempt failed.
            error: What it raised.
            made: Attempts so far.
            began: s, monotonic; when the attempt was begun.

        Raises:
            GatewayError: there is no next attempt.
        """
        if isinstance(error, GatewayError):
            if exchange.deadline - began < _WHOLE_WAIT and not isinstance(
                error, CircuitOpen
            ):
                exchange.history.out_of_time = (
                    True  # a longer deadline may get its turn
                )
            raise with_earlier_attempts(exchange, error) from error
        if error.of_upstream:
            self._deposit(made)
        if error.outcome in UNKNOWN_OUTCOMES:
            exchange.history.unknown_sends += 1
        if may_repeat(error.outcome, 0, repeatable=exchange.target.repeatable):
            wait = self._schedule(exchange, error.outcome, made)
            if wait is not None:
                return wait
        raise problem(exchange, error) from error

    def _after_response(
        self, exchange: Exchange, response: UpstreamResponse, made: int, last: int
    ) -> float | None:
        """Return the wait before the next attempt, s; None: relay the response.

        Args:
            exchange: Whose response it is.
            response: As received.
            made: Attempts so far.
            last: The status of the response before, 0 where there was none.
        """
        self._deposit(made)
        status = response.status
        if status in _OF_A_PROXY and exchange.method not in _SAFE:
            exchange.history.unknown_sends += 1
        wait = None
        if status in RETRYABLE_STATUSES:
            wait = self._after_refusal(exchange, response, made, last)
        doubtful = exchange.history.unknown_sends or exchange.in_doubt
        if wait is None and doubtful and status >= _REFUSED:
            exchange.history.note = (
                "unknown"  # the response speaks of the last attempt only
            )
        return wait

    def _after_refusal(
        self, exchange: Exchange, response: UpstreamResponse, made: int, last: int
    ) -> float | None:
        status = response.status
        if status >= _SERVER_ERROR and status == last:
            self._observer.identical_5xx()
        asked = server_wait(status, response.headers, unix=self._clock.unix())
        wait = None
        repeatable = exchange.target.repeatable
        if may_repeat(Outcome.ANSWERED, status, repeatable=repeatable):
            # The limiter knows nothing of a caller's own token, and does not pace that.
            paced = status == TOO_MANY_REQUESTS and not exchange.own_bearer
            wait = self._schedule(exchange, str(status), made, asked=asked, paced=paced)
        if wait is None:
            exchange.history.retry_after = asked
        return wait

    def _schedule(
        self,
        exchange: Exchange,
        reason: str,
        made: int,
        *,
        asked: float | None = None,
        paced: bool = False,
    ) -> float | None:
        """Decide about one more attempt, and pay for it; return the wait before it.

        Args:
            exchange: Whose attempt it would be.
            reason: An outcome or a status; also the metric label.
            made: Attempts so far.
            asked: s; the wait that the response asks for.
            paced: Whether the limiter holds it back, so that the budget need not.
        """
        now = self._clock.now()
        wait = wait_before(made, asked, self._options, random=self._random())
        rule = self._against(exchange, made, now, wait)
        # A 429 is paced by the limiter; everything else loads a failing upstream.
        if rule is None and not paced and not self.budget.withdraw(now=now):
            exchange.history.note = rule = "budget"
        if rule is not None:
            exchange.history.step(now, "no_retry", reason, rule)
            return None
        exchange.history.waits.backoff += wait
        exchange.history.step(now, "retry", reason, wait)
        self._observer.retry(reason)
        return wait

    def _against(
        self, exchange: Exchange, made: int, now: float, wait: float
    ) -> str | None:
        """Return the rule that forbids one more attempt; None: none does."""
        allowed = attempts_allowed(
            self._options, caller_retries=exchange.head.retrying_caller
        )
        if made >= allowed:
            return "attempts"
        if exchange.caller_gone:
            return "caller_gone"
        least = now + wait + ATTEMPT_MARGIN
        if least > min(exchange.deadline, self._horizon()):
            exchange.history.out_of_time = least > exchange.deadline
            return "deadline"
        return None
