"""A receiver of webhooks on loopback, and a simulator that sends to it."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import ClientSession, ClientTimeout, web
from dinie.webhooks import extract

from gateway.core.clock import Clock
from gateway.simulator.server import Simulator, SimulatorOptions
from tests.fakes import FakeClock
from tests.simulator.partner import Partner

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
URL = "http://127.0.0.1:{port}/hook"


@dataclass(frozen=True, slots=True)
class Received:
    """One POST as it came."""

    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def timestamp(self) -> int:
        return int(self.headers["webhook-timestamp"])

    @property
    def signatures(self) -> list[str]:
        return self.headers["webhook-signature"].split(" ")

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def type(self) -> str:
        return str(self.json["type"])

    def extracted(self, secret: str = SECRET) -> Any:
        """Return what the official SDK makes of it, whatever its age."""
        return extract(
            headers=self.headers, body=self.body, secret=secret, tolerance_seconds=0
        )


class Receiver:
    """Answers by a script, then with 204."""

    def __init__(self) -> None:
        self.script: deque[web.Response] = deque()
        self.received: list[Received] = []
        self.hook: Callable[[web.Request], Awaitable[web.Response]] = self.answer
        self.port = 0

    @property
    def url(self) -> str:
        return URL.format(port=self.port)

    @property
    def types(self) -> list[str]:
        return [one.type for one in self.received]

    async def answer(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        self.received.append(Received(request.path, headers, body))
        return self.script.popleft() if self.script else web.Response(status=204)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Yield a receiver that listens."""
    receiver = Receiver()
    application = web.Application()

    async def handle(request: web.Request) -> web.Response:
        return await receiver.hook(request)

    application.router.add_post("/{path:.*}", handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.port = int(runner.addresses[0][1])
    try:
        yield receiver
    finally:
        await runner.cleanup()


@dataclass(frozen=True, slots=True)
class Post:
    """A simulator, its partner and who receives its webhooks."""

    simulator: Simulator
    partner: Partner
    receiver: Receiver
    clock: FakeClock

    @property
    def received(self) -> list[Received]:
        return self.receiver.received

    async def emit(self, event_type: str = "loan.active", **data: Any) -> str:
        """Emit, and wait until all is over."""
        identifier = self.simulator.webhooks.emit(event_type, data)
        await self.simulator.webhooks.settled()
        return identifier


@asynccontextmanager
async def posting(*, clock: Clock | None = None, **options: Any) -> AsyncIterator[Post]:
    """Run a simulator with an endpoint; its clock is a fake one by default."""
    fake = FakeClock()
    async with receiving() as receiver:
        given = {"webhook_url": receiver.url, "webhook_secret": SECRET, **options}
        simulator = Simulator(SimulatorOptions(**given), clock=clock or fake)
        port = await simulator.start()
        try:
            async with ClientSession(timeout=ClientTimeout(total=5)) as session:
                partner = Partner(simulator, port, session, fake)
                await partner.mint()
                yield Post(simulator, partner, receiver, fake)
        finally:
            await simulator.stop()
