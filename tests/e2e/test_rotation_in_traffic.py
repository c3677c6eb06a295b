"""Secrets change under a running gateway, and no caller notices."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout

from gateway.simulator.server import Simulator
from tests.e2e.rotating import OLD, Rotating, rotating
from tests.gateway_process import GatewayProcess

pytestmark = pytest.mark.e2e
RATE = 50  # requests/s


class Traffic:
    """GETs and POSTs at a steady rate; what did not go well is kept."""

    def __init__(self, port: int, rate: float) -> None:
        self._pause = 1 / rate
        self.url = f"http://127.0.0.1:{port}/v3"
        self.sent = 0
        self.failed: list[str] = []

    async def run(self) -> None:
        """Send until cancelled, then wait for the last answers."""
        loop = asyncio.get_running_loop()
        async with ClientSession(timeout=ClientTimeout(total=20)) as session:
            under_way: set[asyncio.Task[None]] = set()
            try:
                due = loop.time()
                while True:
                    due += self._pause
                    task = loop.create_task(self._one(session))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                    await asyncio.sleep(max(0.0, due - loop.time()))
            finally:
                await asyncio.gather(*under_way)

    async def _one(self, session: ClientSession) -> None:
        self.sent += 1
        method, path, body = "GET", "/banks", None
        if self.sent % 5 == 0:
            method, path = "POST", "/webhooks/endpoints"
            body = f'{{"url":"https://a.example/{self.sent}"}}'
        headers = {"Content-Type": "application/json"} if body else {}
        async with session.request(
            method, self.url + path, data=body, headers=headers
        ) as answer:
            said = await answer.text()
            if answer.status >= 300:
                self.failed.append(f"{answer.status} {said[:200]}")


@asynccontextmanager
async def traffic(
    world: Rotating,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    *,
    rate: float = RATE,
) -> AsyncIterator[tuple[GatewayProcess, Traffic]]:
    """Run a gateway on Vault's secrets with traffic through it."""
    gateway = GatewayProcess(
        world.base_url,
        folder,
        {
            **world.environment,
            "GATEWAY__SECRETS__VAULT__REFRESH": "0.2",
            "GATEWAY__ROTATION__CANARY_SHARE": "0.5",
            "GATEWAY__TELEMETRY__LOG_LEVEL": "debug",
            **(settings or {}),
        },
    )
    try:
        await asyncio.to_thread(gateway.wait_ready)
        sender = Traffic(gateway.port, rate)
        running = asyncio.get_running_loop().create_task(sender.run())
        try:
            yield gateway, sender
        finally:
            running.cancel()
            await asyncio.wait([running])
    finally:
        await asyncio.to_thread(gateway.stop)


async def test_a_rotation_fails_no_request_though_it_is_killed(tmp_path: Path) -> None:
    """Created, tried on real GETs, swapped, killed on the way, and the old one gone."""
    async with rotating(rate_limit=100_000, token_ttl=4.0) as world:
        async with traffic(world, tmp_path) as (gateway, sender):
            await asyncio.sleep(0.5)
            await world.rotate("--now", canary="0.5")
            await asyncio.sleep(0.9)
            world.kill_at = world.writes + 3  # the swap has taken effect
            await world.rotate(soak="0.5")
            world.kill_at = 0
            await asyncio.sleep(0.5)
            await world.rotate(soak="0.5")
            await asyncio.sleep(0.9)
            code, said = await world.rotate(soak="0.5")
            await asyncio.sleep(1)
            paths = ("/metrics", "/", "/status.json", "/readyz")
            pages = [await asyncio.to_thread(gateway.admin, path) for path in paths]
            metrics = "".join(text for _, text in pages)

        assert (code, world.state["phase"]) == (0, "done"), said
        assert sender.failed == []
        assert sender.sent > 50
        assert world.effects() == ["POST", "DELETE"]
        assert 'dinie_gateway_canary_requests_total{result="ok"}' in metrics
        assert "dinie_gateway_credential_age_seconds 0.0" not in metrics
        check_nothing_leaked(world, gateway.output + metrics)


async def test_short_leases_and_an_outage_of_vault_fail_no_request(
    tmp_path: Path,
) -> None:
    """The login's token lives for a second, and Vault is away for a while."""
    async with rotating(rate_limit=100_000) as world:
        world.vault.ttl = 1
        for number in range(2):
            known = world.dinie._routes._credentials
            known._add(*credential(number), "by hand", None)
        approle = world.approle(tmp_path)
        async with traffic(world, tmp_path / "g", approle) as (gateway, sender):
            await asyncio.sleep(1)
            world.vault.put(client_id=credential(0)[0], client_secret=credential(0)[1])
            await asyncio.sleep(1)
            world.vault.sealed = True
            await asyncio.sleep(1)
            world.vault.tokens.clear()
            world.vault.sealed = False
            world.vault.put(client_id=credential(1)[0], client_secret=credential(1)[1])
            await asyncio.sleep(0.9)

        used = {
            record["client_id"]
            for record in world.dinie._routes._credentials.all()
            if record["last_used_at"] is not None
        }
        assert sender.failed == []
        assert sender.sent > 50
        assert used == {OLD[0], credential(0)[0], credential(1)[0]}
        assert world.vault.calls.count("POST auth/approle/login") >= 2
        check_nothing_leaked(world, gateway.output)


def credential(number: int) -> tuple[str, str]:
    return f"dinie_ci_test_{number}", f"dinie_cs_test_{number}"


def check_nothing_leaked(world: Rotating, text: str) -> None:
    """Look for every secret and token that there ever was."""
    dinie: Simulator = world.dinie
    secrets = {
        value
        for versions in world.vault.kv.secrets.values()
        for version in versions
        for name, value in version["data"].items()
        if name.endswith("secret") and value
    }
    secrets |= set(world.vault.tokens) | {world.vault.role[1]}
    secrets |= set(dinie.tokens._issued)
    assert len(secrets) > 3
    assert [secret for secret in secrets if secret in text] == []
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        pytest.param("sealed", "unseal it", id="sealed"),
        pytest.param("denied", "capability `read` on secret/data/dinie/local", id="no"),
    ],
)
async def test_a_start_without_secrets_becomes_ready_by_itself(
    tmp_path: Path, trouble: str, says: str
) -> None:
    """Alive, so that nobody restarts it, and unready, so that nobody calls."""
    async with rotating() as world:
        world.vault.sealed = trouble == "sealed"
        world.vault.hidden = {"data"} if trouble == "denied" else set()
        gateway = GatewayProcess(world.base_url, tmp_path, world.environment)
        try:
            await asyncio.to_thread(gateway.wait_ready, ready=False)
            alive, _ = await asyncio.to_thread(gateway.admin, "/livez")
            status, why = await asyncio.to_thread(gateway.admin, "/readyz")
            world.vault.sealed, world.vault.hidden = False, set()
            await asyncio.to_thread(gateway.admin, "/reload", "POST")

            await asyncio.to_thread(gateway.wait_ready)
        finally:
            await asyncio.to_thread(gateway.stop)

    assert (alive, status) == (200, 503)
    assert says in why
    assert says in gateway.output
