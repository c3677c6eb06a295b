"""Callers that retry themselves: together with the gateway they ask little more."""

import asyncio
import random

import pytest

from gateway.core.errors import GatewayError
from gateway.core.exchange import Exchange
from tests.experiments.line import Line, exchange
from tests.experiments.virtual import play

RATE, SPAN = 20.0, 120.0  # requests/s, s
TRIES = 3  # of an SDK: the first, and two retries
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})


async def _calls(*, nested: bool, ailing: float, seed: int) -> int:
    """Return how often Dinie was asked, with callers that retry or do not."""
    dice = random.Random(seed)
    loop = asyncio.get_running_loop()

    async def dinie(_: Exchange) -> tuple[int, dict[str, str]]:
        await asyncio.sleep(0.1)
        return (503 if dice.random() < ailing else 200), {}

    line = Line(dinie, seed=seed)

    async def once(number: int, retry: int) -> bool:
        """Return whether the caller's SDK tries again."""
        made = exchange(number, loop.time(), retrying_caller=retry > 0)
        try:
            return (await line.send(made)).status in _RETRIED
        except GatewayError:
            return True  # a 503 or 504 with Retry-After

    async def caller(number: int) -> None:
        for retry in range(TRIES if nested else 1):
            if not await once(number, retry):
                return
            await asyncio.sleep(min(8.0, 0.5 * 2**retry) * dice.uniform(0.75, 1.0))

    tasks = []
    for number in range(int(RATE * SPAN)):
        tasks.append(loop.create_task(caller(number)))
        await asyncio.sleep(1 / RATE)
    await asyncio.gather(*tasks)
    return len(line.calls)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("ailing", [0.1, 0.3, 0.6, 1.0])
def test_retries_over_retries_are_damped(ailing: float, seed: int) -> None:
    """Three times four would be twelve calls for each request."""
    alone = play(_calls(nested=False, ailing=ailing, seed=seed))
    nested = play(_calls(nested=True, ailing=ailing, seed=seed))

    assert nested <= 1.3 * alone
