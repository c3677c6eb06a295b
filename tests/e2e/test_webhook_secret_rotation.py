"""The webhook secret is replaced while webhooks come in: none is refused."""

import asyncio
from pathlib import Path

import pytest

from tests.e2e.rotating import rotating
from tests.gateway_process import GatewayProcess
from tests.inbox.scene import SECRET

pytestmark = pytest.mark.e2e


async def test_no_webhook_is_refused_while_its_secret_is_replaced(
    tmp_path: Path,
) -> None:
    """Dinie signs with both for a while, and the gateway knows both."""
    async with rotating(rate_limit=100_000) as world:
        old = world.secret
        world.vault.put(**{**old, "webhook_secret": SECRET})
        gateway = GatewayProcess(
            world.base_url,
            tmp_path,
            {
                **world.environment,
                "GATEWAY__LISTEN__WEBHOOKS": "127.0.0.1:0",
                "GATEWAY__STORAGE__SQLITE_PATH": str(tmp_path / "gateway.db"),
                "GATEWAY__SECRETS__VAULT__REFRESH": "0.2",
            },
        )
        try:
            await asyncio.to_thread(gateway.wait_ready)
            sender = world.dinie.webhooks
            url = f"http://127.0.0.1:{gateway.webhook_port}/webhooks/dinie"
            world.dinie.add_endpoint(url, secret=SECRET)
            code, said = -1, ""
            for number in range(60):
                sender.emit("customer.active", {"id": f"cust_{number}"})
                if number == 15:
                    code, said = await world.rotate("webhook-secret", "--now")
                await asyncio.sleep(0.02)
            await asyncio.wait_for(sender.settled(), 20)
            _, metrics = await asyncio.to_thread(gateway.admin, "/metrics")
        finally:
            output = await asyncio.to_thread(gateway.stop)

        new, kept = world.secret["webhook_secret"].split()
        assert (code, kept) == (0, SECRET), said
        assert all(one.attempts == 1 for one in sender.journal)
        assert 'webhooks_received_total{result="accepted"} 60.0' in metrics
        assert 'webhooks_received_total{result="bad_signature"} 0.0' in metrics
        assert new not in output
        assert SECRET not in output
