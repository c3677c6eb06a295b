"""Dinie fails for a minute: how often is it asked, and how soon is all well again?"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from gateway.core.attempt import AttemptFailed, Outcome
from gateway.core.errors import GatewayError
from gateway.core.exchange import Exchange
from tests.experiments.line import Line, exchange
from tests.experiments.virtual import play

Kind = Literal["errors", "refused", "hangs"]
RATE = 20.0  # requests/s
BEFORE, OUTAGE, AFTER = 60.0, 60.0, 60.0  # s
_LATENCY = 0.1  # s
_FIRST_BYTE = 10.0  # s; deadline.first_byte
_OK = 200


@dataclass(slots=True)
class Storm:
    """What was seen."""

    kind: Kind
    calls: list[float] = field(default_factory=list)  # s since the beginning
    served: list[float] = field(default_factory=list)
    longest: float = 0.0  # s that a caller waited for its answer

    @property
    def share(self) -> float:
        """Return the calls during the outage, as a share of the normal ones."""
        during = [at for at in self.calls if BEFORE <= at < BEFORE + OUTAGE]
        return len(during) / (RATE * OUTAGE)

    def goodput(self, begin: float, end: float) -> float:
        """Return what was answered in a span, as a share of what came."""
        good = [at for at in self.served if begin <= at < end]
        return len(good) / (RATE * (end - begin))

    @property
    def back_after(self) -> float:
        """Return after how many s 95 % are answered again, second by second."""
        over = BEFORE + OUTAGE
        for second in range(int(AFTER) - 2):
            if self.goodput(over + second, over + second + 2) >= 0.95:
                return float(second)
        return AFTER


async def _storm(kind: Kind, seed: int) -> Storm:
    seen = Storm(kind)
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def dinie(_: Exchange) -> tuple[int, dict[str, str]]:
        now = loop.time() - began
        if BEFORE <= now < BEFORE + OUTAGE:
            if kind == "refused":
                raise AttemptFailed(Outcome.NOT_SENT, "refused")
            if kind == "hangs":
                await asyncio.sleep(BEFORE + OUTAGE - now)
                raise AttemptFailed(Outcome.DROPPED, "dropped")
            await asyncio.sleep(_LATENCY)
            return 503, {}
        await asyncio.sleep(_LATENCY)
        return _OK, {}

    line = Line(dinie, seed=seed, attempt=_FIRST_BYTE)

    async def one(number: int) -> None:
        came = loop.time()
        method = "POST" if number % 5 == 0 else "GET"
        with suppress(GatewayError):
            response = await line.send(exchange(number, came, method))
            if response.status == _OK:
                # Counted where it came, so that a wait is not taken for a failure.
                seen.served.append(came - began)
        seen.longest = max(seen.longest, loop.time() - came)

    tasks = []
    for number in range(int(RATE * (BEFORE + OUTAGE + AFTER))):
        await asyncio.sleep(max(0.0, began + number / RATE - loop.time()))
        tasks.append(loop.create_task(one(number)))
    await asyncio.gather(*tasks)
    seen.calls = [at - began for at in line.calls]
    return seen


def storm(kind: Kind, seed: int = 1) -> Storm:
    """Play three minutes in no time."""
    return play(_storm(kind, seed))
