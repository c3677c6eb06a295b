"""Whatever has to be waited for: nobody waits past the deadline, in any combination."""

import asyncio
import random
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.attempt import AttemptFailed, Outcome
from gateway.core.errors import GatewayError
from gateway.core.exchange import Exchange
from gateway.ratelimit.options import RateLimitOptions
from gateway.ratelimit.stage import RateLimitStage
from tests.experiments.line import Line, exchange
from tests.experiments.virtual import play

LATE = 0.1  # s over the deadline, at most
WEATHER = ("fast", "slow", "hangs", "refused", "busy", "limited", "drops")


async def _answer(weather: str, dice: random.Random) -> tuple[int, dict[str, str]]:
    if weather == "refused":
        await asyncio.sleep(dice.uniform(0.0, 3.0))
        raise AttemptFailed(Outcome.NOT_SENT, "refused")
    if weather == "drops":
        await asyncio.sleep(dice.uniform(0.0, 2.0))
        raise AttemptFailed(Outcome.DROPPED, "dropped")
    if weather == "hangs":
        await asyncio.sleep(3600.0)
    await asyncio.sleep(dice.uniform(2.0, 20.0) if weather == "slow" else 0.05)
    if weather == "busy":
        return 503, {"Retry-After": str(dice.randint(0, 4))}
    if weather == "limited":
        reset = str(dice.randint(1, 30))
        headers = {"X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "0"}
        return 429, headers | {"X-RateLimit-Reset": reset}
    headers = {"X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "15"}
    return 200, headers | {"X-RateLimit-Reset": "10"}


async def _overshoots(
    kinds: list[str], budgets: list[float], seed: int, gaps: float
) -> list[float]:
    """Return by how much each request came after its deadline, s."""
    dice = random.Random(seed)
    loop = asyncio.get_running_loop()

    async def dinie(made: Exchange) -> tuple[int, dict[str, str]]:
        return await _answer(kinds[int(made.request_id) % len(kinds)], dice)

    line = Line(dinie, seed=seed, in_flight=4)
    line.limiter = RateLimitStage(
        RateLimitOptions(max_wait=10.0), line.clock, dice.random
    )
    over: list[float] = []

    async def one(number: int, budget: float) -> None:
        now = loop.time()
        method = "POST" if number % 3 == 0 else "GET"
        made = exchange(number, now, method, deadline=now + budget)
        with suppress(GatewayError):
            await line.send(made)
        over.append(loop.time() - made.deadline)

    tasks = []
    for number, budget in enumerate(budgets):
        tasks.append(loop.create_task(one(number, budget)))
        await asyncio.sleep(gaps)
    await asyncio.gather(*tasks)
    return over


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(WEATHER), min_size=1, max_size=6),
    budgets=st.lists(st.floats(0.05, 30.0, allow_nan=False), min_size=1, max_size=40),
    seed=st.integers(0, 10_000),
    gaps=st.sampled_from([0.0, 0.01, 0.3]),
)
def test_no_sum_of_waits_goes_past_the_deadline(
    kinds: list[str], budgets: list[float], seed: int, gaps: float
) -> None:
    """Permit, slot, connect, answer and backoff draw on one budget."""
    over = play(_overshoots(kinds, budgets, seed, gaps))

    assert len(over) == len(budgets)
    assert max(over) <= LATE


class Hanging:
    """A Dinie that hangs until it is well, and callers."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.well = asyncio.Event()
        self.line = Line(self._answer, attempt=10.0)
        self.over: list[float] = []  # s after the deadline, of each request
        self.served = 0

    async def _answer(self, _: Exchange) -> tuple[int, dict[str, str]]:
        if not self.well.is_set():
            await asyncio.sleep(3600.0)
        await asyncio.sleep(0.05)
        return 200, {}

    async def one(self, number: int) -> None:
        made = exchange(number, self.loop.time())
        with suppress(GatewayError):
            await self.line.send(made)
            self.served += 1
        self.over.append(self.loop.time() - made.deadline)

    async def crowd(self, count: int) -> int:
        """Send so many, a hundred a second; return the peak of memory, bytes."""
        tracemalloc.start()
        tasks = []
        for number in range(count):
            tasks.append(self.loop.create_task(self.one(number)))
            await asyncio.sleep(0.01)
        await asyncio.gather(*tasks)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    async def recover(self) -> float:
        """Be well; return after how many s somebody is served."""
        self.well.set()
        began, before = self.loop.time(), self.served
        while self.served == before:
            await self.one(int(self.loop.time() * 10))
            await asyncio.sleep(0.1)
        return self.loop.time() - began


async def _hang(count: int) -> dict[str, Any]:
    """Return what became of so many requests on a Dinie that hangs, and recovers."""
    made = Hanging()
    peak = await made.crowd(count)
    return {
        "peak": peak,
        "answered": len(made.over),
        "served": made.served,
        "calls": len(made.line.calls),
        "over": max(made.over),
        "held": made.line.bulkhead.in_flight,
        "back": await made.recover(),
    }


def test_two_thousand_requests_on_a_dinie_that_hangs_are_all_answered() -> None:
    """Inside their deadlines, in flat memory; one look later all is well again."""
    seen = play(_hang(2000))

    assert (seen["answered"], seen["served"], seen["held"]) == (2000, 0, 0)
    assert seen["over"] <= LATE
    assert seen["calls"] <= 200
    assert seen["peak"] < 32 * 1024 * 1024
    assert seen["back"] <= 5.0


@pytest.mark.parametrize("count", [500, 2000])
def test_memory_does_not_grow_with_the_crowd(count: int) -> None:
    """What is refused is not kept."""
    assert play(_hang(count))["peak"] < 32 * 1024 * 1024
