"""AttemptBreakerStage: what the circuit hears of an attempt."""

import asyncio
from typing import cast

import pytest

from gateway.breaker.attempt_stage import AttemptBreakerStage
from gateway.breaker.stage import BreakerStage
from gateway.core.attempt import AttemptFailed, Outcome
from gateway.core.errors import CircuitOpen, RateLimited
from gateway.core.exchange import Exchange
from gateway.core.upstream_response import UpstreamResponse
from tests.exchanges import new_exchange
from tests.fakes import FakeBreaker, FakeClock


class Scene:
    """One attempt under a circuit, with 10 s that Dinie may take."""

    def __init__(self, end: int | BaseException) -> None:
        self.breaker = FakeBreaker()
        self.sent = 0
        self._end = end
        self._clock = FakeClock()
        self._stage = AttemptBreakerStage(
            cast("BreakerStage", self.breaker), self._clock.now, probe_time=10.0
        )

    async def _send(self, _: Exchange) -> UpstreamResponse:
        self.sent += 1
        if isinstance(self._end, BaseException):
            raise self._end
        return UpstreamResponse(self._end, {})

    async def attempt(self, *, left: float = 20.0) -> UpstreamResponse:
        exchange = new_exchange("r", "GET", "/", self._clock.now())
        exchange.deadline = self._clock.now() + left
        return await self._stage(exchange, self._send)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, "success"),
        (404, "success"),
        (429, "success"),
        (501, "success"),
        (500, "failure"),
        (502, "failure"),
        (503, "failure"),
        (504, "failure"),
    ],
)
async def test_a_response_is_a_verdict(status: int, verdict: str) -> None:
    """A refusal is no outage, and neither is a spent quota."""
    scene = Scene(status)

    await scene.attempt()

    assert scene.breaker.verdicts == [verdict]


@pytest.mark.parametrize(
    ("end", "verdict"),
    [
        (AttemptFailed(Outcome.NOT_SENT, "x"), "connect_failure"),
        (AttemptFailed(Outcome.TIMEOUT, "x"), "timeout"),
        (AttemptFailed(Outcome.DROPPED, "x"), "failure"),
        (AttemptFailed(Outcome.TIMEOUT, "x", of_upstream=False), "ignored"),
        (RateLimited("x"), "ignored"),
        (asyncio.CancelledError(), "ignored"),
    ],
)
async def test_a_failure_counts_only_where_it_is_the_upstreams(
    end: BaseException, verdict: str
) -> None:
    """A hurried caller must not open the circuit for the others."""
    scene = Scene(end)

    with pytest.raises(type(end)):
        await scene.attempt()

    assert scene.breaker.verdicts == [verdict]


async def test_an_open_circuit_sends_nothing() -> None:
    """It costs no quota either: the limiter stands below."""
    scene = Scene(200)
    scene.breaker.refusal = CircuitOpen("open", retry_after=5.0)

    with pytest.raises(CircuitOpen):
        await scene.attempt()

    assert (scene.sent, scene.breaker.verdicts) == (0, [])


@pytest.mark.parametrize(("left", "hurried"), [(9.9, True), (10.0, False)])
async def test_the_circuit_learns_who_may_give_up_first(
    left: float, hurried: bool
) -> None:
    """Such an attempt is no use as a probe."""
    scene = Scene(200)

    await scene.attempt(left=left)

    assert scene.breaker.hurried == [hurried]
