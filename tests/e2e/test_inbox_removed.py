"""The database file is removed while the gateway runs: nothing acknowledged is lost."""

import asyncio
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from tests.inbox.scene import SECRET, headers
from tests.inprocess import EXTRA, Stack, running_stack

pytestmark = pytest.mark.e2e


async def deliver(stack: Stack, number: int) -> int:
    body = orjson.dumps({"type": "loan.active", "data": {"id": f"ln_{number}"}})
    async with (
        ClientSession() as session,
        session.post(
            f"http://{stack.running.webhooks}/webhooks/dinie",
            data=body,
            headers=headers(f"evt_{number}", body, at=time.time()),
        ) as answer,
    ):
        return answer.status


async def readiness(stack: Stack) -> dict[str, Any]:
    checks = orjson.loads((await stack.admin("/readyz")).body)["checks"]
    return dict(checks["inbox"])


async def kept(stack: Stack) -> set[str]:
    listed = orjson.loads((await stack.admin("/inbox?limit=1000")).body)["data"]
    return {one["webhook_id"] for one in listed}


def remove(folder: Path, what: str) -> None:
    for one in folder.glob(what):
        one.unlink()


@pytest.mark.parametrize("what", ["gateway.db", "gateway.db*"])
async def test_a_file_removed_while_running_is_noticed_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """A 200 means that Dinie never sends it again."""
    monkeypatch.setitem(EXTRA, "DINIE_WEBHOOK_SECRET", SECRET)
    async with running_stack(
        "http://127.0.0.1:1/v3",
        "listen.webhooks=127.0.0.1:0",
        f"storage.sqlite_path={tmp_path / 'gateway.db'}",
    ) as stack:
        before = [await deliver(stack, number) for number in range(20)]
        remove(tmp_path, what)
        async with asyncio.timeout(10):
            while (said := await readiness(stack))["ok"]:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.02)
        async with asyncio.timeout(10):
            while not (await readiness(stack))["ok"]:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.02)
        after = [await deliver(stack, number) for number in range(20, 30)]
        found = await kept(stack)
        metrics = (await stack.admin("/metrics")).body.decode()

    assert set(before) == set(after) == {200}
    assert "was removed while in use" in said["reason"]
    assert found == {f"evt_{number}" for number in range(30)}
    assert "dinie_gateway_storage_removed_total 1.0" in metrics


async def test_a_delivery_right_after_the_removal_is_a_503(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes again; a 200 for a file without a name would be the last of it."""
    monkeypatch.setitem(EXTRA, "DINIE_WEBHOOK_SECRET", SECRET)
    async with running_stack(
        "http://127.0.0.1:1/v3",
        "listen.webhooks=127.0.0.1:0",
        f"storage.sqlite_path={tmp_path / 'gateway.db'}",
    ) as stack:
        await deliver(stack, 1)
        (tmp_path / "gateway.db").unlink()
        statuses = [await deliver(stack, number) for number in (2, 3)]
        again = await deliver(stack, 2)
        found = await kept(stack)

    assert statuses in ([503, 200], [200, 200])  # 200: a look was quicker
    assert again == 200
    assert found == {"evt_1", "evt_2", "evt_3"}
