"""A whole gateway inside the test's own loop, against a scripted upstream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO

from aiohttp import ClientSession, ClientTimeout
from yarl import URL

from gateway.app.gateway import run
from gateway.app.listeners import Addresses
from gateway.config.load import load

_SWIFT = (
    "retry.base=0.02",
    "retry.cap=0.05",
    "retry.budget_burst=1000",
    "idempotency.durable=false",
    "drain.accept=0",
    "telemetry.log_level=error",
    "listen.proxy=127.0.0.1:0",
    "listen.admin=127.0.0.1:0",
    'listen.hosts=["a"]',
)


EXTRA: dict[str, str] = {}  # what a test puts beside the credential


@dataclass(frozen=True, slots=True)
class Said:
    """An answer of the gateway."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def slug(self) -> str | None:
        """Return the problem's slug; None for an answer of Dinie's."""
        return self.headers.get("X-Gateway-Error")

    @property
    def attempts(self) -> int:
        """Return the requests that were written to a connection."""
        return int(self.headers["X-Gateway-Attempts"])


class Stack:
    """A running gateway and a client."""

    def __init__(
        self, running: Addresses, session: ClientSession, stop: asyncio.Event
    ) -> None:
        self.running = running
        self._session = session
        self._stop = stop

    def stop(self) -> None:
        """Begin the drain, as SIGTERM does."""
        self._stop.set()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Said:
        """Send one request through the gateway."""
        async with self._session.request(
            method,
            URL(f"http://{self.running.proxy}{path}", encoded=True),
            data=None if body is None else BytesIO(body),
            headers=headers,
            allow_redirects=False,
        ) as answer:
            content = await answer.read()
            return Said(answer.status, dict(answer.headers), content)

    async def admin(self, path: str) -> Said:
        """Ask the admin listener."""
        async with self._session.get(f"http://{self.running.admin}{path}") as answer:
            return Said(answer.status, dict(answer.headers), await answer.read())


@asynccontextmanager
async def running_stack(base_url: str, *settings: str) -> AsyncIterator[Stack]:
    """Run a gateway whose waits are short; later settings win."""
    config = load(
        environment="local",
        env={},
        overrides=(*_SWIFT, f"upstream.base_url={base_url}", *settings),
    ).config
    stop = asyncio.Event()
    started: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
    task = asyncio.get_running_loop().create_task(
        run(
            config,
            stop=stop,
            started=started.set_result,
            environ={
                "DINIE_CLIENT_ID": "dinie_ci_test_stack",
                "DINIE_CLIENT_SECRET": "dinie_cs_test_stack",
                **EXTRA,
            },
        )
    )
    running = await started
    try:
        async with ClientSession(timeout=ClientTimeout(total=20)) as session:
            yield Stack(running, session, stop)
    finally:
        stop.set()
        await task
