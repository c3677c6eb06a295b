"""A gateway that is killed again and again between Dinie and three subscribers."""

import asyncio
import random
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import orjson
from aiohttp import web

from gateway.simulator.server import Simulator, SimulatorOptions
from tests.gateway_process import GatewayProcess
from tests.inbox.scene import SECRET

PATIENCE = 90.0  # s for everything to arrive once nobody kills any more


@dataclass
class Consumer:
    """A subscriber that keeps what it has seen, and does each thing once."""

    name: str
    delay: float = 0.0  # s before it answers
    failing: float = 0.0  # share of its answers
    seen: dict[str, bytes] = field(default_factory=dict)  # id -> digest of the body
    effects: int = 0
    repeats: int = 0
    torn: int = 0  # the same id with another body
    port: int = 0
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        application = web.Application()
        application.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _take(self, request: web.Request) -> web.Response:
        digest = sha256(await request.read()).digest()
        if self.delay:
            await asyncio.sleep(self.delay)
        if random.random() < self.failing:
            return web.Response(status=500)
        webhook_id = request.headers["webhook-id"]
        if webhook_id in self.seen:
            self.repeats += 1
            self.torn += self.seen[webhook_id] != digest
        else:
            self.seen[webhook_id] = digest
            self.effects += 1
        return web.Response()


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    emitted: set[str]
    acknowledged: set[str]
    consumers: list[Consumer]
    kills: int
    tracebacks: int

    def report(self) -> str:
        emitted, acknowledged = len(self.emitted), len(self.acknowledged)
        text = f"sent {emitted}, acknowledged {acknowledged}, killed {self.kills} times"
        for one in self.consumers:
            missing = len(self.acknowledged - set(one.seen))
            text += f"\n{one.name:5} {one.effects} effects, {one.repeats} repeats, "
            text += f"{missing} missing"
        return text


def free_port() -> int:
    """Return a port that is free now; a gateway that comes back needs the same."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Killing:
    """Runs the gateway, kills it, and runs it again."""

    def __init__(self, folder: Path, consumers: list[Consumer]) -> None:
        self.folder = folder
        self.port = free_port()
        self.kills = self.tracebacks = 0
        subscribers = [
            {
                "name": one.name,
                "url": f"http://127.0.0.1:{one.port}/hook",
                "events": ["*"],
                "timeout": 2,
            }
            for one in consumers
        ]
        self.settings = {
            "DINIE_WEBHOOK_SECRET": SECRET,
            "GATEWAY__LISTEN__WEBHOOKS": f"127.0.0.1:{self.port}",
            "GATEWAY__STORAGE__SQLITE_PATH": str(folder / "inbox" / "gateway.db"),
            "GATEWAY__WEBHOOKS__SUBSCRIBERS": orjson.dumps(subscribers).decode(),
            "GATEWAY__WEBHOOKS__SCHEDULE": orjson.dumps([0.2] * 500).decode(),
            "GATEWAY__WEBHOOKS__LEASE": "12",
            "GATEWAY__TELEMETRY__LOG_LEVEL": "error",
        }

    async def run(self, times: int) -> None:
        """Kill it so many times at random moments; leave it running."""
        for number in range(times + 1):
            folder = self.folder / f"run-{number}"
            process = GatewayProcess("http://127.0.0.1:1/v3", folder, self.settings)
            try:
                await asyncio.to_thread(process.wait_ready, ready=False)
                if number == times:
                    self.last = process
                    return
                await asyncio.sleep(random.uniform(0.02, 0.7))
            except BaseException:
                process.process.kill()
                raise
            process.process.kill()
            await asyncio.to_thread(process.process.wait)
            self.kills += 1
            self.tracebacks += "Traceback" in process.output

    async def stop(self) -> None:
        """End the last one as an orchestrator does."""
        with suppress(AttributeError):
            await asyncio.to_thread(self.last.stop)


@asynccontextmanager
async def _consumers() -> AsyncIterator[list[Consumer]]:
    made = [
        Consumer("slow", delay=0.03),
        Consumer("half", failing=0.5),
        Consumer("down"),
    ]
    for one in made:
        await one.start()
    await made[2].stop()  # its port is known; it comes back in the middle
    try:
        yield made
    finally:
        for one in made:
            await one.stop()


async def deliver_under_fire(folder: Path, *, events: int, kills: int) -> Outcome:
    """Send events through a gateway that is killed; return what came of it."""
    simulator = Simulator(
        SimulatorOptions(
            webhook_schedule=(0.0, *([0.3] * 300)),
            webhook_duplicates=0.1,
            webhook_reordering=0.3,
            webhook_reorder_max=2.0,
            webhook_timeout=5.0,
        )
    )
    await simulator.start()
    try:
        async with _consumers() as consumers:
            killing = Killing(folder, consumers)
            url = f"http://127.0.0.1:{killing.port}/webhooks/dinie"
            simulator.add_endpoint(url, secret=SECRET)
            try:
                emitted = await _all_of_it(simulator, killing, consumers, events, kills)
            finally:
                await killing.stop()
            acknowledged = simulator.webhooks.acknowledged()
            return Outcome(
                emitted, acknowledged, consumers, killing.kills, killing.tracebacks
            )
    finally:
        await simulator.stop()


async def _all_of_it(
    simulator: Simulator,
    killing: Killing,
    consumers: list[Consumer],
    events: int,
    kills: int,
) -> set[str]:
    killer = asyncio.ensure_future(killing.run(kills))
    emitted: set[str] = set()
    back = events * 2 // 3
    while len(emitted) < events:
        for _ in range(10):
            number = len(emitted)
            data = {"id": f"cust_{number % 97}", "status": "active", "number": number}
            emitted.add(simulator.webhooks.emit("customer.active", data))
        if back <= len(emitted) < back + 10:
            await consumers[2].start()
        # Spread over the time of the kills, however slow this machine is.
        done = killing.kills / kills
        await asyncio.sleep(0.01 if done >= 1 else 0.05)
        while len(emitted) / events > done + 0.1 and not killer.done():
            await asyncio.sleep(0.02)
            done = killing.kills / kills
    await killer
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        waiting = any(emitted - set(one.seen) for one in consumers)
        if not waiting and not simulator.webhooks.under_way:
            break
        await asyncio.sleep(0.1)
    return emitted
