"""WebhookInbox: a whole gateway with a webhook listener, and a subscriber behind it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, web

from tests.inbox.scene import BODY, OTHER, SECRET, headers
from tests.inprocess import EXTRA, Stack, running_stack


class Subscriber:
    """A subscriber that responds with a chosen status."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.status = 200
        self.port = 0

    async def take(self, request: web.Request) -> web.Response:
        await request.read()
        self.got.append(request.headers["webhook-id"])
        return web.Response(status=self.status)


@pytest.fixture
async def subscriber() -> AsyncIterator[Subscriber]:
    made = Subscriber()
    application = web.Application()
    application.router.add_post("/hook", made.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@asynccontextmanager
async def receiver(
    path: Path,
    subscriber: Subscriber,
    secret: str | None = SECRET,
    own: str | None = None,
) -> AsyncIterator[Stack]:
    one: dict[str, Any] = {
        "name": "a",
        "url": f"http://127.0.0.1:{subscriber.port}/hook",
        "events": ["*"],
        "secret": own,
    }
    if secret is not None:
        EXTRA["DINIE_WEBHOOK_SECRET"] = secret
    try:
        async with running_stack(
            "http://127.0.0.1:1/v3",
            "listen.webhooks=127.0.0.1:0",
            f"storage.sqlite_path={path}",
            f"webhooks.subscribers={orjson.dumps([one]).decode()}",
        ) as stack:
            yield stack
    finally:
        EXTRA.pop("DINIE_WEBHOOK_SECRET", None)


async def deliver(stack: Stack, webhook_id: str = "evt_1", **more: Any) -> int:
    url = f"http://{stack.running.webhooks}/webhooks/dinie"
    fields = headers(webhook_id, at=time.time(), **more)
    async with (
        ClientSession() as session,
        session.post(url, data=BODY, headers=fields) as response,
    ):
        return response.status


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.02)


async def ready(stack: Stack) -> tuple[int, dict[str, Any]]:
    said = await stack.admin("/readyz")
    return said.status, orjson.loads(said.body)["checks"]


async def test_a_delivery_reaches_its_subscriber_through_the_gateway(
    tmp_path: Path, subscriber: Subscriber
) -> None:
    """The metrics and the status page show it."""
    async with receiver(tmp_path / "gateway.db", subscriber) as stack:
        statuses = [await deliver(stack), await deliver(stack)]
        forged = await deliver(stack, secret=OTHER)

        async def arrived() -> bool:
            return bool(subscriber.got)

        await until(arrived)
        metrics = (await stack.admin("/metrics")).body.decode()
        status = orjson.loads((await stack.admin("/status.json")).body)["webhooks"]

    assert (statuses, forged, subscriber.got) == ([200, 200], 401, ["evt_1"])
    for line in (
        'webhooks_received_total{result="accepted"} 1.0',
        'webhooks_received_total{result="duplicate"} 1.0',
        'webhooks_received_total{result="bad_signature"} 1.0',
        'webhook_deliveries_total{result="delivered",subscriber="a"} 1.0',
    ):
        assert f"dinie_gateway_{line}" in metrics
    assert (status["can_verify"], status["trouble"]) == (True, None)


async def test_what_waits_outlives_the_gateway(
    tmp_path: Path, subscriber: Subscriber
) -> None:
    """The next one brings it."""
    async with receiver(tmp_path / "gateway.db", subscriber) as stack:
        subscriber.status = 410
        await deliver(stack)

        async def refused() -> bool:
            return bool(subscriber.got)

        await until(refused)
        disabled: list[str] = []

        async def seen() -> bool:
            status = orjson.loads((await stack.admin("/status.json")).body)
            disabled[:] = status["webhooks"].get("disabled", [])
            return bool(disabled)

        await until(seen)
    again = await _pending(tmp_path / "gateway.db")

    assert disabled == ["a"]
    assert again == [("evt_1", "pending", 1)]


def _written(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in folder.glob("gateway.db*"))


async def _pending(path: Path) -> list[tuple[str, str, int]]:
    import sqlite3  # noqa: PLC0415 - a look past the gateway

    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT webhook_id, state, tries FROM deliveries JOIN events USING (seq)"
        ).fetchall()


async def test_a_gateway_that_cannot_keep_anything_is_not_ready(
    tmp_path: Path, subscriber: Subscriber
) -> None:
    """And is by itself once it can; meanwhile Dinie is asked to come again."""
    blocked = tmp_path / "var"
    blocked.write_text("a file where the folder should be")
    async with receiver(blocked / "gateway.db", subscriber) as stack:
        status = await deliver(stack)
        before = (await ready(stack))[1]["inbox"]
        blocked.unlink()

        async def works() -> bool:
            return bool((await ready(stack))[1]["inbox"]["ok"])

        await until(works)
        after = await deliver(stack)

    assert (status, after) == (503, 200)
    assert not before["ok"]
    assert "mount a volume there" in before["reason"]


async def test_without_a_secret_nothing_is_verified_and_the_page_says_so(
    tmp_path: Path, subscriber: Subscriber
) -> None:
    """The gateway serves on: loans do not wait for webhooks."""
    async with receiver(tmp_path / "gateway.db", subscriber, secret=None) as stack:
        status = await deliver(stack)

        async def opened() -> bool:
            said = orjson.loads((await stack.admin("/status.json")).body)
            return "can_verify" in said["webhooks"]

        await until(opened)
        page = orjson.loads((await stack.admin("/status.json")).body)["webhooks"]

    assert (status, page["can_verify"]) == (503, False)


async def test_the_file_holds_bodies_and_no_secret(
    tmp_path: Path, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stolen copy of the volume must not allow its holder to sign webhooks."""
    monkeypatch.setitem(EXTRA, "DINIE_SECRET_CRM_SECRET", OTHER)
    async with receiver(tmp_path / "gateway.db", subscriber, own="crm_secret") as stack:
        await deliver(stack)

        async def arrived() -> bool:
            return bool(subscriber.got)

        await until(arrived)
        written = _written(tmp_path)

    assert BODY in written
    for secret in (SECRET, OTHER, "dinie_cs_test_stack", "dinie_ci_test_stack"):
        assert secret.encode() not in written
        assert secret.removeprefix("whsec_").encode() not in written
