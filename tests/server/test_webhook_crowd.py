"""Strangers who know the shape of a webhook, and how little they can hold."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import web

from gateway.server.webhooks import _source
from tests.inbox.hostile import raw
from tests.server.webhook_scene import Scene, listening


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with listening(tmp_path) as made:
        yield made


Held = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def hold(scene: Scene, count: int, address: str = "127.0.0.1") -> list[Held]:
    """Begin deliveries with a good head whose bodies do not come."""
    head = raw().partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    before, held = len(scene.handler._arrivals), []
    for _ in range(count):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", scene.port, local_addr=(address, 0)
        )
        writer.write(head)
        held.append((reader, writer))
    async with asyncio.timeout(5):
        while len(scene.handler._arrivals) <= before:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    return held


async def cut(held: list[Held]) -> list[int]:
    """Return the numbers of those whose connection has ended."""
    await asyncio.sleep(0.05)
    return [number for number, (reader, _) in enumerate(held) if await ended(reader)]


async def ended(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(0.01):
            return await reader.read(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


async def test_a_good_delivery_finds_a_place_among_strangers(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A well-shaped head needs no secret: the oldest without a body gives way."""
    monkeypatch.setattr("gateway.server.webhooks._MOST_AWAITED", 4)
    strangers = await hold(scene, 6)

    whole = await scene.say(raw())
    head, _, body = raw().partition(b"\r\n\r\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(head + b"\r\n\r\n")
    await asyncio.sleep(0.05)
    writer.write(body)
    in_two = await asyncio.wait_for(reader.readline(), 5)

    assert whole == 200
    assert in_two.startswith(b"HTTP/1.1 200 ")
    assert await cut(strangers) == [0, 1, 2]
    assert "unavailable" not in scene.observed.webhooks
    for _, held in (*strangers, (reader, writer)):
        held.close()


async def test_a_source_that_sends_no_bodies_pushes_out_its_own(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes slowly from elsewhere keeps its place."""
    monkeypatch.setattr("gateway.server.webhooks._MOST_OF_A_SOURCE", 2)
    elsewhere = await hold(scene, 1, "127.0.0.2")
    flood = await hold(scene, 5)

    assert await cut(flood) == [0, 1, 2]
    assert await cut(elsewhere) == []
    for _, writer in (*elsewhere, *flood):
        writer.close()


async def test_half_bodies_are_bounded_in_bytes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand that stop before their last byte would be 256 MiB."""
    monkeypatch.setattr("gateway.server.webhooks._MOST_BYTES", 50)
    strangers = [
        await asyncio.open_connection("127.0.0.1", scene.port) for _ in range(4)
    ]
    for _, writer in strangers:
        writer.write(raw()[:-5])
        await asyncio.sleep(0.02)

    assert len(await cut(strangers)) >= 3
    assert await scene.say(raw()) == 200
    for _, writer in strangers:
        writer.close()
    await asyncio.sleep(0.05)
    assert scene.handler._bytes == 0


@pytest.mark.parametrize(
    ("remote", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1::5", "20010db800000001"),
        ("2001:db8:0:1:ffff::6", "20010db800000001"),
        (None, ""),
    ],
)
def test_an_ipv6_network_is_one_source(remote: str | None, source: str) -> None:
    """Its owner has 2^64 addresses to call from."""
    request = cast("web.BaseRequest", SimpleNamespace(remote=remote))

    assert _source(request) == source
