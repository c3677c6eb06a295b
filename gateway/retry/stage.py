"""Repeat an attempt where that is safe, within one deadline and one budget.

aiohttp-retry drives the loop. Its own switches would bypass our decision, so they are
off: each attempt passes `_Attempts.attempt`, where a failure becomes either `_Again`
(the only exception that the loop repeats) or the caller's problem; whole answers are
judged in the evaluate callback.
"""

from collections.abc import Callable
from typing import Any, cast

from aiohttp import ClientRequest, ClientResponse, ClientSession
from aiohttp.client_middlewares import ClientHandlerType
from aiohttp_retry import RequestParams, RetryClient, RetryOptionsBase
from yarl import URL

from gateway.core.backoff import ATTEMPT_MARGIN
from gateway.core.clock import Clock
from gateway.core.errors import (
    CircuitOpen,
    GatewayError,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
)
from gateway.core.exchange import Exchange
from gateway.retry.budget import RetryBudget
from gateway.retry.options import RetryOptions
from gateway.retry.outcomes import outcome_unknown, problem
from gateway.retry.policy import (
    RETRYABLE_STATUSES,
    TOO_MANY_REQUESTS,
    UNKNOWN_OUTCOMES,
    Outcome,
    attempts_allowed,
    may_repeat,
    server_wait,
    wait_before,
)
from gateway.retry.ports import AttemptFailed, Breaker, Observer, Sender

_ALL_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "POST"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSED = 400
_SERVER_ERROR = 500
# Their texts speak of the attempt that they refuse.
_NOTHING_SENT = (CircuitOpen, Overloaded, RateLimited)
_OF_A_PROXY = frozenset({502, 504})  # what Dinie did behind it, it does not know
_VERDICTS = {Outcome.NOT_SENT: "connect_failure", Outcome.TIMEOUT: "timeout"}
_WHOLE_WAIT = 2.0 + ATTEMPT_MARGIN  # s; with less left, a permit is waited for less
_BREAKER_FAILURES = frozenset({500, 502, 503, 504})


class _Again(Exception):  # noqa: N818 - a signal to the loop
    """Make another attempt."""


class _Silent:
    """The loop's own log: three texts for each attempt that nobody reads."""

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Write nothing."""

    warning = exception = debug


class RetryStage:
    """Runs the attempts of an exchange; holds the budget that all of them share."""

    def __init__(
        self,
        options: RetryOptions,
        *,
        clock: Clock,
        random: Callable[[], float],
        breaker: Breaker,
        observer: Observer,
        horizon: Callable[[], float],
        probe_time: float,
    ) -> None:
        """Wire the stage.

        Args:
            options: Attempts, backoff, budget.
            clock: Real or fake.
            random: Returns from [0, 1).
            breaker: Asked before each attempt.
            observer: Hears of each attempt and retry.
            horizon: The moment (monotonic) past which no wait may reach: the end of
                a drain, or infinity.
            probe_time: s that an attempt needs left to tell a late upstream from a
                hurried caller.
        """
        self.options = options
        self.clock = clock
        self.random = random
        self.breaker = breaker
        self.observer = observer
        self.horizon = horizon
        self.probe_time = probe_time
        self.budget = RetryBudget(options, now=clock.now())

    async def run(
        self,
        exchange: Exchange,
        sender: Sender,
        url: URL,
        send: ClientHandlerType,
        data: Any,
    ) -> ClientResponse:
        """Send until there is an answer worth relaying; return it.

        Args:
            exchange: Whose request it is.
            sender: Makes an attempt's request.
            url: Of the upstream, already encoded.
            send: Sends an attempt through the stages below this one.
            data: The body, as the sender takes it.

        Raises:
            GatewayError: what the caller is told instead of an answer.
        """
        attempts = _Attempts(self, exchange, send)
        try:
            how = {"exchange": exchange, "attempt": attempts.attempt, "data": data}
            # Nearly every exchange ends with its first attempt; the loop has the rest.
            try:
                response = await sender.request(exchange.method, url, **how)
                if await attempts.accept(response):
                    return response
            except _Again:
                pass
            await self.clock.sleep(attempts.get_timeout(1))
            params = RequestParams(exchange.method, url, kwargs=how)
            # All that the library asks of a session is `request`.
            session = cast("ClientSession", sender)
            client = RetryClient(client_session=session, logger=_Silent())
            return await client.requests([params], retry_options=attempts)
        except GatewayError as error:
            raise attempts.final(error) from error
        finally:
            # It holds a method of its own: a cycle that only the collector would end.
            attempts.evaluate_response_callback = None


class _Attempts(RetryOptionsBase):
    """The attempts of one exchange, as aiohttp-retry wants its options."""

    def __init__(
        self,
        stage: RetryStage,
        exchange: Exchange,
        send: ClientHandlerType,
    ) -> None:
        # The base constructor is skipped: it would rebuild defaults that are constant.
        self._allowed = attempts_allowed(
            stage.options, caller_retries=exchange.retrying_caller
        )
        # The first is made before the loop, which has one more than will be made: it
        # does not ask us about its last answer.
        self.attempts = self._allowed
        self.statuses = frozenset()
        self.exceptions = (_Again,)
        self.methods = _ALL_METHODS
        self.retry_all_server_errors = False
        self.evaluate_response_callback = self.accept
        self._stage = stage
        self._exchange = exchange
        self._send = send
        self._made = 0
        self._wait = 0.0
        self._last_status = 0

    def get_timeout(
        self, attempt: int, response: ClientResponse | None = None
    ) -> float:
        """Return the wait that was decided with the retry, s."""
        del attempt, response
        return self._wait

    async def attempt(self, request: ClientRequest) -> ClientResponse:
        """Make one attempt, and judge a failed one."""
        breaker = self._stage.breaker
        now = self._stage.clock.now()
        self._exchange.step(now, "circuit", breaker.circuit)
        held = breaker.admit(
            safe=self._exchange.method in _SAFE,
            hurried=self._exchange.deadline - now < self._stage.probe_time,
        )
        self._made += 1
        verdict = "ignored"
        try:
            response = await self._send(request)
            verdict = "failure" if response.status in _BREAKER_FAILURES else "success"
            self._count()
            return response
        except AttemptFailed as failure:
            if failure.of_upstream:
                verdict = _VERDICTS.get(failure.outcome, "failure")
                self._count()
            raise self._failed(failure) from failure
        except GatewayError:
            if self._exchange.deadline - now < _WHOLE_WAIT:
                self._exchange.out_of_time = True  # a longer one may get its turn
            raise
        finally:
            breaker.record(verdict, held)

    def _count(self) -> None:
        """Have a first attempt earn its share of a retry."""
        if self._made == 1:
            self._stage.budget.deposit(now=self._stage.clock.now())

    def _failed(self, failure: AttemptFailed) -> Exception:
        """Return what an attempt without an answer comes to."""
        exchange = self._exchange
        if failure.outcome in UNKNOWN_OUTCOMES:
            exchange.unknown_sends += 1
        if may_repeat(
            failure.outcome, 0, repeatable=exchange.repeatable
        ) and self._schedule(failure.outcome, asked=None, paced=False):
            return _Again()
        return problem(exchange, failure)

    async def accept(self, response: ClientResponse) -> bool:
        """Return whether an answer goes to the caller as it is."""
        status, exchange = response.status, self._exchange
        if status in _OF_A_PROXY and exchange.method not in _SAFE:
            exchange.unknown_sends += 1
        final = self._judge(response)
        doubtful = exchange.unknown_sends or exchange.in_doubt
        if final and doubtful and status >= _REFUSED:
            exchange.note = "unknown"  # the response speaks of the last attempt only
        return final

    def _judge(self, response: ClientResponse) -> bool:
        status, exchange = response.status, self._exchange
        if status not in RETRYABLE_STATUSES:
            return True
        if status >= _SERVER_ERROR and status == self._last_status:
            self._stage.observer.identical_5xx()
        self._last_status = status
        asked = server_wait(status, response.headers, unix=self._stage.clock.unix())
        exchange.retry_after = asked
        if not may_repeat(Outcome.ANSWERED, status, repeatable=exchange.repeatable):
            return True
        # The limiter knows nothing of a caller's own token, so it does not pace that.
        paced = status == TOO_MANY_REQUESTS and not exchange.own_bearer
        if not self._schedule(str(status), asked=asked, paced=paced):
            return True
        # An answer read whole has given its connection back; the rest is cut off,
        # since waiting for a long refusal would hold the pool.
        response.close()
        exchange.let_go()
        exchange.retry_after = None
        return False

    def _schedule(self, reason: str, *, asked: float | None, paced: bool) -> bool:
        """Decide about one more attempt, and pay for it; sets the wait."""
        stage, exchange = self._stage, self._exchange
        now = stage.clock.now()
        wait = wait_before(self._made, asked, stage.options, random=stage.random())
        rule = self._against(now, wait)
        # A 429 is paced by the limiter; everything else loads a failing upstream.
        if rule is None and not paced and not stage.budget.withdraw(now=now):
            exchange.note = rule = "budget"
        if rule is not None:
            exchange.step(now, "no_retry", reason, rule)
            return False
        self._wait = wait
        exchange.waits.backoff += wait
        exchange.step(now, "retry", reason, wait)
        stage.observer.retry(reason)
        return True

    def _against(self, now: float, wait: float) -> str | None:
        """Return the rule that forbids one more attempt; None: none does."""
        if self._made >= self._allowed:
            return "attempts"
        if self._exchange.caller_gone:
            return "caller_gone"
        least = now + wait + ATTEMPT_MARGIN
        if least > min(self._exchange.deadline, self._stage.horizon()):
            self._exchange.out_of_time = least > self._exchange.deadline
            return "deadline"
        return None

    def final(self, error: GatewayError) -> GatewayError:
        """Return what the caller must be told, knowing what earlier attempts did."""
        exchange = self._exchange
        if (
            exchange.unknown_sends
            and exchange.method == "POST"
            and not isinstance(error, OutcomeUnknown)
        ):
            return outcome_unknown(exchange)
        if exchange.unknown_sends and isinstance(error, _NOTHING_SENT):
            error.detail += " An earlier attempt was sent, and its outcome is unknown."
        return error
