"""A Dinie with so many workers: what does a limit that follows its answers change?"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from gateway.admission.bulkhead import BulkheadStage
from gateway.core.errors import GatewayError
from gateway.core.exchange import Exchange
from tests.exchanges import change
from tests.experiments.line import Line, exchange
from tests.experiments.virtual import play

RATE, SPAN = 200.0, 60.0  # requests/s, s
_SERVICE = 0.1  # s of a worker


@dataclass(slots=True)
class Held:
    """What was seen after the first ten seconds."""

    served: int = 0
    took: list[float] = field(default_factory=list)  # s at Dinie

    @property
    def median(self) -> float:
        """Return how long an answer of Dinie's took, s."""
        return sorted(self.took)[len(self.took) // 2]


async def _held(*, adaptive: bool, workers: int, quick: float) -> Held:
    loop = asyncio.get_running_loop()
    seen = Held()
    free = asyncio.Semaphore(workers)
    began = loop.time()

    async def dinie(asked: Exchange) -> tuple[int, dict[str, str]]:
        came = loop.time()
        async with free:
            await asyncio.sleep(quick if asked.target.route == "/banks" else _SERVICE)
        if loop.time() - began > 10.0:
            seen.took.append(loop.time() - came)
        return 200, {}

    line = Line(dinie)
    line.bulkhead = BulkheadStage(64, clock=line.clock.now, adaptive=adaptive)

    async def one(number: int) -> None:
        asking = exchange(number, loop.time())
        change(asking, route="/banks" if number % 2 else "/customers")
        with suppress(GatewayError):
            await line.send(asking)
            if loop.time() - began > 10.0:
                seen.served += 1

    tasks = []
    for number in range(int(RATE * SPAN)):
        tasks.append(loop.create_task(one(number)))
        await asyncio.sleep(1 / RATE)
    await asyncio.gather(*tasks)
    return seen


def held(*, adaptive: bool, workers: int, quick: float = _SERVICE) -> Held:
    """Play a minute in no time; every other request is of a route that is `quick`."""
    return play(_held(adaptive=adaptive, workers=workers, quick=quick))
