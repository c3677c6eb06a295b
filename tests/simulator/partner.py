"""A simulator on loopback, and a partner who talks to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import orjson
from aiohttp import ClientSession, ClientTimeout, FormData, encode_basic_auth

from gateway.simulator.server import Simulator, SimulatorOptions
from tests.fakes import FakeClock

PDF = b"%PDF-1.4 a document\n%%EOF\n"
BORROWER = {
    "cpf": "123.456.789-09",
    "cnpj": "12.345.678/0001-95",
    "email": "ana@example.com",
    "phone": "+5511999999999",
    "name": "Ana Exemplo",
    "external_id": "e-1",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def code(self) -> tuple[int, str]:
        """Return status and Dinie's code of a refusal."""
        return self.status, self.json["code"]


class Partner:
    """Talks to a simulator with a token of its own."""

    def __init__(
        self, simulator: Simulator, port: int, session: ClientSession, clock: FakeClock
    ) -> None:
        self.simulator = simulator
        self.clock = clock
        self.port = port
        self.base = f"http://127.0.0.1:{port}"
        self.token = ""
        self._session = session

    async def call(
        self,
        method: str,
        path: str,
        content: Any = None,
        *,
        key: str | None = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        data: Any = None,
        prefix: str = "/v3",
    ) -> Reply:
        """Send one request below a prefix, or to `/_sim`."""
        given = {"Authorization": f"Bearer {token or self.token}", **(headers or {})}
        if key is not None:
            given["Idempotency-Key"] = key
        if content is not None:
            data = orjson.dumps(content)
            given.setdefault("Content-Type", "application/json")
        prefix = "" if path.startswith("/_sim") else prefix
        async with self._session.request(
            method,
            self.base + prefix + path,
            headers=given,
            data=data,
            allow_redirects=False,
        ) as answer:
            body = await answer.read()
            return Reply(answer.status, dict(answer.headers), body)

    async def mint(self, **given: Any) -> Reply:
        """Ask for a token with Basic credentials."""
        options = self.simulator.options
        basic = encode_basic_auth(options.client_id, options.client_secret)
        given = {
            "headers": {"Authorization": basic},
            "data": {"grant_type": "client_credentials"},
            **given,
        }
        async with self._session.post(self.base + "/v3/auth/token", **given) as answer:
            reply = Reply(answer.status, dict(answer.headers), await answer.read())
        if reply.status == 200:
            self.token = reply.json["access_token"]
        return reply

    async def upload(self, path: str, *, token: str | None = None, **parts: Any) -> Any:
        """Send a multipart upload; bytes go as the file."""
        form = FormData(default_to_multipart=True)
        for name, value in parts.items():
            if isinstance(value, bytes):
                # aiohttp warns of large bytes, but not of a stream of them.
                form.add_field(name, BytesIO(value), filename="a")
            else:
                form.add_field(name, value)
        return await self.call("POST", path, data=form, token=token)

    async def customer(self, **fields: Any) -> Any:
        """Register a borrower."""
        reply = await self.call("POST", "/customers", {**BORROWER, **fields})
        assert reply.status in {200, 201}, reply
        return reply.json

    async def offer(self) -> Any:
        """Register a borrower, bring it to `active`, and return its offer."""
        customer = await self.customer()
        while self.simulator.step(customer["id"])["status"] != "active":
            pass
        path = f"/customers/{customer['id']}/credit-offers"
        return (await self.call("GET", path)).json["data"][0]

    async def simulation(self, offer: Any, amount: float = 10000.0) -> Any:
        """Compute a loan."""
        reply = await self.call(
            "POST",
            f"/credit-offers/{offer['id']}/simulations",
            {"requested_amount": amount, "installment_count": 4},
        )
        assert reply.status == 201, reply
        return reply.json


@asynccontextmanager
async def dinie(**options: Any) -> AsyncIterator[Partner]:
    """Run a simulator with a fake clock; yield a partner that has a token."""
    clock = FakeClock()
    simulator = Simulator(SimulatorOptions(**options), clock=clock)
    port = await simulator.start()
    try:
        async with ClientSession(timeout=ClientTimeout(total=5)) as session:
            partner = Partner(simulator, port, session, clock)
            await partner.mint()
            yield partner
        await asyncio.sleep(0)
    finally:
        await simulator.stop()


async def until(holds: Callable[[], object]) -> None:
    """Wait for what another request brings about."""
    while not holds():  # noqa: ASYNC110 - the simulator has no events to wait for
        await asyncio.sleep(0.001)
