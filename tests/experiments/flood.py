"""A flood beside calm callers, for real: sockets, the gateway and the simulator."""

import asyncio
import json
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from gateway.simulator.options import SimulatorOptions
from gateway.simulator.server import Simulator
from tests.inprocess import running_stack

CALLERS = ("calm-a", "calm-b", "flood")
_CALM = 0.2  # of the quota, each
_FLOOD = 20.0  # times the quota
_CONNECTIONS = 2000
_OK, _TOO_MANY = 200, 429


@dataclass(slots=True)
class Got:
    """What one caller got."""

    offered: int = 0
    refused: int = 0
    admitted: list[float] = field(default_factory=list)  # s since the beginning
    waits: list[float] = field(default_factory=list)  # s, by Server-Timing

    def wait(self, share: float) -> float:
        """Return a percentile of the waits, s."""
        ordered = sorted(self.waits) or [0.0]
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(slots=True)
class Flood:
    """What was seen."""

    limit: int
    window: float  # s
    windows: int
    got: dict[str, Got]
    rejected: int  # 429s of Dinie's
    used: float  # share of the quota


async def flood(*, limit: int, window: float, windows: int, seed: int = 1) -> Flood:
    """Run it; as long as the windows are."""
    callers = [{"name": name} for name in CALLERS]
    simulator = Simulator(
        SimulatorOptions(
            client_id="dinie_ci_test_stack",
            client_secret="dinie_cs_test_stack",
            rate_limit=limit,
            rate_window=window,
        )
    )
    port = await simulator.start()
    try:
        async with (
            running_stack(
                f"http://127.0.0.1:{port}/v3", f"identity.callers={json.dumps(callers)}"
            ) as stack,
            ClientSession(
                connector=TCPConnector(limit=_CONNECTIONS),
                timeout=ClientTimeout(total=30),
            ) as session,
        ):
            made = _Players(session, f"http://{stack.running.proxy}/v3/banks")
            await made.wait_for_a_window()
            simulator.journal.clear()
            end = time.time() + window * windows
            await made.play(limit / window, window * windows, seed)
        # Those that were held at the end were served in the window after it.
        entries = [
            one
            for one in simulator.journal
            if one.target.endswith("/banks") and one.at < end
        ]
    finally:
        await simulator.stop()
    rejected = sum(one.status == _TOO_MANY for one in entries)
    used = (len(entries) - rejected) / (limit * windows)
    return Flood(limit, window, windows, made.got, rejected, used)


class _Players:
    def __init__(self, session: ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self.got = {name: Got() for name in CALLERS}

    async def wait_for_a_window(self) -> None:
        """Let a window begin, as its reset tells."""
        async with self._session.get(self._url) as answer:
            reset = float(answer.headers["X-RateLimit-Reset"])
        await asyncio.sleep(max(0.0, reset - time.time()))

    async def play(self, quota: float, seconds: float, seed: int) -> None:
        """Have all callers call; `quota` in requests/s."""
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        async with asyncio.TaskGroup() as group:
            for name in CALLERS:
                # Its own: the moments of one must not hang on the loop's turns.
                dice = random.Random(f"{seed} {name}")
                rate = (_FLOOD if name == "flood" else _CALM) * quota
                group.create_task(self._call(name, rate, seconds, dice))

    async def _call(
        self, name: str, rate: float, seconds: float, dice: random.Random
    ) -> None:
        loop = asyncio.get_running_loop()
        at = self._began
        async with asyncio.TaskGroup() as group:
            while (at := at + dice.expovariate(rate)) < self._began + seconds:
                await asyncio.sleep(max(0.0, at - loop.time()))
                group.create_task(self._one(name))

    async def _one(self, name: str) -> None:
        got = self.got[name]
        got.offered += 1
        headers = {"X-Gateway-Caller": name}
        with suppress(ClientError, OSError, TimeoutError):
            async with self._session.get(self._url, headers=headers) as answer:
                await answer.read()
                if answer.status != _OK:
                    got.refused += 1
                    return
                now = asyncio.get_running_loop().time()
                got.admitted.append(now - self._began)
                timing = answer.headers["Server-Timing"].partition("queue;dur=")[2]
                got.waits.append(float(timing.partition(",")[0]) / 1000)
