"""RetryStage on a fake clock: every wait is the clock's, and nothing else happens."""

from collections import deque

import pytest

from gateway.core.attempt import AttemptFailed, Outcome
from gateway.core.errors import Overloaded, UpstreamTimeout
from gateway.core.exchange import Exchange
from gateway.core.upstream_response import UpstreamResponse
from gateway.retry.options import RetryOptions
from gateway.retry.stage import RetryStage
from tests.exchanges import new_exchange
from tests.fakes import FakeClock, FakeRetryObserver

TIMEOUT = AttemptFailed(Outcome.TIMEOUT, "Dinie did not answer in time")


class Scene:
    """A loop over attempts that end as a script says."""

    def __init__(self, *ends: int | UpstreamResponse | Exception) -> None:
        self.clock = FakeClock()
        self.observer = FakeRetryObserver()
        self.sends = 0
        self._ends = deque(ends)
        self._stage = RetryStage(
            RetryOptions(),
            clock=self.clock,
            random=lambda: 0.5,
            observer=self.observer,
            horizon=lambda: float("inf"),
        )

    async def _send(self, exchange: Exchange) -> UpstreamResponse:
        self.sends += 1
        exchange.history.sends += 1
        end = self._ends.popleft()
        if isinstance(end, Exception):
            raise end
        return end if isinstance(end, UpstreamResponse) else UpstreamResponse(end, {})

    async def run(self) -> tuple[Exchange, UpstreamResponse]:
        exchange = new_exchange("r", "GET", "/", self.clock.now())
        exchange.deadline = self.clock.now() + 25.0
        return exchange, await self._stage(exchange, self._send)


async def test_every_wait_is_the_clocks() -> None:
    """Half of 0.5, 1 and 2 s: a loop that slept by itself would take them for real."""
    scene = Scene(503, 503, 503, 200)

    exchange, response = await scene.run()

    assert (response.status, scene.clock.slept) == (200, [0.25, 0.5, 1.0])
    assert exchange.history.waits.backoff == 1.75


async def test_a_failed_attempt_waits_as_a_refused_one_does() -> None:
    """Either loads an upstream that fails."""
    scene = Scene(TIMEOUT, TIMEOUT, 200)

    exchange, _ = await scene.run()

    assert (scene.clock.slept, exchange.history.unknown_sends) == ([0.25, 0.5], 2)


async def test_the_last_attempt_is_followed_by_no_wait() -> None:
    """The caller has its problem at once."""
    scene = Scene(*[TIMEOUT] * 4)

    with pytest.raises(UpstreamTimeout):
        await scene.run()

    assert (scene.sends, len(scene.clock.slept)) == (4, 3)


async def test_a_response_is_ended_before_the_wait() -> None:
    """It would hold its slot while nothing is sent."""
    ended: list[list[float]] = []
    refused = UpstreamResponse(503, {}, None)
    scene = Scene(refused, 200)
    refused.hold_slot(lambda: ended.append(list(scene.clock.slept)))

    await scene.run()

    assert ended == [[]]


async def test_a_problem_of_a_stage_below_is_not_repeated() -> None:
    """It was refused here; asking again at once changes nothing."""
    scene = Scene(Overloaded("full"))

    with pytest.raises(Overloaded):
        await scene.run()

    assert (scene.sends, scene.clock.slept) == (1, [])
