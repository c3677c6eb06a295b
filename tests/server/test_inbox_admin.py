"""The inbox on the admin listener."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.core.origin import admin_rule
from gateway.inbox.options import InboxOptions, SubscriberOptions
from gateway.inbox.ports import Settlement, StoreUnavailable
from gateway.server.admin import build_admin
from gateway.server.health import Health
from gateway.server.inbox_admin import InboxAdmin
from tests.inbox.scene import Inbox, arrival, opened

OPTIONS = InboxOptions(
    subscribers=(SubscriberOptions(name="crm", url="http://x", events=("*",)),)
)
Client = TestClient[Any, Any]


class Scene:
    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.woken = 0
        self.admin = InboxAdmin(
            inbox.queries, OPTIONS, status=lambda: {"pending": 3}, wake=self._wake
        )

    def _wake(self) -> None:
        self.woken += 1


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with opened(tmp_path / "gateway.db") as inbox:
        for number in (1, 2):
            body = b'{"type":"customer.active","data":{"id":"c","name":"Ana"}}'
            await inbox.store.add(arrival(f"evt_{number}", body=body), ["crm"])
        await inbox.store.settle(Settlement(1, "crm", "dead", 10, 0.0, 500, ""))
        yield Scene(inbox)


@pytest.fixture
async def client(scene: Scene) -> AsyncIterator[Client]:
    async def reload() -> dict[str, Any]:
        return {}

    application = build_admin(
        Health(scene.inbox.clock),
        metrics=lambda: b"",
        reload=reload,
        status=dict,
        origin=admin_rule("127.0.0.1", ()),
        further=scene.admin.routes(),
    )
    async with TestClient(TestServer(application)) as client:
        yield client


async def test_a_list_by_state_type_and_page(client: Client) -> None:
    """As the command has it."""

    async def ids(query: str) -> list[str]:
        said = await (await client.get(f"/inbox{query}")).json()
        return [one["webhook_id"] for one in said["data"]]

    assert await ids("") == ["evt_2", "evt_1"]
    assert await ids("?state=dead") == ["evt_1"]
    assert await ids("?type=loan.active") == []
    assert await ids("?limit=1") == ["evt_2"]
    assert await ids("?before=2") == ["evt_1"]


async def test_one_is_shown_without_personal_data(client: Client) -> None:
    """There is no way to reveal it here."""
    said = await (await client.get("/inbox/evt_1?reveal=true")).text()

    assert "Ana" not in said
    assert '"name": "[redacted]"' in said
    assert (await client.get("/inbox/evt_9")).status == 404


async def test_how_full_it_is(client: Client) -> None:
    """What the page shows, too."""
    assert await (await client.get("/inbox/stats")).json() == {"pending": 3}


async def test_deliveries_are_made_again_at_once(scene: Scene, client: Client) -> None:
    """The dispatcher is told."""
    by_id = await client.post("/inbox/replay", json={"id": "evt_1"})
    dead = await client.post("/inbox/replay", json={"dead": True})
    since = await client.post("/inbox/replay", json={"since": 0, "subscriber": "crm"})

    assert [await one.json() for one in (by_id, dead, since)] == [
        {"deliveries": 1},
        {"deliveries": 0},
        {"deliveries": 2},
    ]
    assert scene.woken == 3


async def test_a_subscriber_is_enabled(scene: Scene, client: Client) -> None:
    """And it is said whether it had been disabled."""
    await scene.inbox.store.settle(Settlement(2, "crm", "disabled", 1, 5.0, 410, ""))

    said = [
        await (await client.post("/inbox/enable", json={"subscriber": "crm"})).json()
        for _ in range(2)
    ]

    assert said == [{"enabled": True}, {"enabled": False}]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/inbox/replay", b"", 400),
        ("/inbox/replay", b"[]", 400),
        ("/inbox/replay", b"{}", 400),
        ("/inbox/replay", b'{"id":"a","dead":true}', 400),
        ("/inbox/replay", b'{"id":5}', 400),
        ("/inbox/replay", b'{"since":"soon"}', 400),
        ("/inbox/replay", b'{"since":true}', 400),
        ("/inbox/enable", b"{}", 400),
        ("/inbox/enable", b'{"subscriber":""}', 400),
    ],
)
async def test_what_is_not_understood_is_a_400(
    client: Client, path: str, body: bytes, status: int
) -> None:
    """And nothing is made again."""
    answer = await client.post(
        path, data=body, headers={"Content-Type": "application/json"}
    )

    assert answer.status == status


@pytest.mark.parametrize("query", ["?state=x", "?limit=x", "?before=-1", "?limit=²"])
async def test_a_query_that_is_not_understood_is_a_400(
    client: Client, query: str
) -> None:
    """Silence would look like an empty inbox."""
    assert (await client.get(f"/inbox{query}")).status == 400


async def test_a_web_page_cannot_post_here(client: Client) -> None:
    """A form of a stranger's, in the browser of whoever forwards this port."""
    answer = await client.post(
        "/inbox/replay", data=b'{"dead":true}', headers={"Content-Type": "text/plain"}
    )

    assert answer.status == 415


async def test_a_store_that_does_not_answer_is_a_503(
    scene: Scene, client: Client
) -> None:
    """Without a path or a reason: those are in log and readiness."""

    async def away(*_: object, **__: object) -> Any:
        raise StoreUnavailable("/secret/path")

    scene.inbox.queries.listed = away  # type: ignore[method-assign]
    answer = await client.get("/inbox")

    assert answer.status == 503
    assert "/secret/path" not in await answer.text()


async def test_others_may_not_look_or_act(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither ids nor a replay are Prometheus' business."""
    monkeypatch.setattr("gateway.server.inbox_admin.is_local", lambda *_: False)

    statuses = [
        (await client.get("/inbox")).status,
        (await client.get("/inbox/evt_1")).status,
        (await client.get("/inbox/stats")).status,
        (await client.post("/inbox/replay", json={"dead": True})).status,
        (await client.post("/inbox/enable", json={"subscriber": "crm"})).status,
    ]

    assert statuses == [403] * 5


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/inbox/replay", {"dead": True, "subscriber": "nobody"}),
    ],
)
async def test_a_subscriber_that_is_unknown_is_a_400(
    client: Client, path: str, asked: dict[str, Any]
) -> None:
    """A zero would read as if there were nothing to do."""
    assert (await client.post(path, json=asked)).status == 400
    assert (await client.get("/inbox?limit=0")).status == 400


async def test_a_body_that_does_not_come_is_not_awaited_for_ever(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a command holds a connection of the admin listener."""
    monkeypatch.setattr("gateway.server.inbox_admin._BODY_TIMEOUT", 0.01)
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(
        b"POST /inbox/replay HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    )
    answer = await asyncio.wait_for(reader.readline(), 5)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")
