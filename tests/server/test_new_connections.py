"""Connections without a request take no descriptor from those with one."""

import asyncio
import logging
import resource
from typing import cast

import pytest
from aiohttp import web

from gateway.core.address import Address
from gateway.server.listeners import listen_proxy
from gateway.server.new_connections import (
    NewConnections,
    most_idle_connections,
    most_new_connections,
)
from gateway.server.sockets import bind


class Wire:
    aborted = False

    def abort(self) -> None:
        self.aborted = True


def test_the_oldest_is_closed_for_the_next() -> None:
    """A caller's head comes at once; who sends none has waited longest."""
    new_connections, wires = NewConnections(2), [Wire() for _ in range(4)]
    first, second, third, fourth = (
        cast("asyncio.WriteTransport", wire) for wire in wires
    )
    new_connections.add(first)
    new_connections.add(second)
    new_connections.remove(first)
    new_connections.remove(first)
    new_connections.add(third)
    new_connections.add(fourth)

    assert [wire.aborted for wire in wires] == [False, True, False, False]
    assert len(new_connections) == 2


@pytest.mark.parametrize(
    ("soft", "most"), [(1024, 256), (16, 16), (1_000_000, 1024), (-1, 1024)]
)
def test_a_quarter_of_the_descriptors_is_enough(
    soft: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is for callers, and for the way to Dinie."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))

    assert most_new_connections() == most


@pytest.mark.parametrize(("soft", "most"), [(1024, 256), (1_000_000, 8192), (-1, 8192)])
def test_a_quarter_of_the_descriptors_may_idle(
    soft: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Callers keep connections open between two requests, and not all of them."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))

    assert most_idle_connections() == most


async def test_connections_that_idle_after_a_request_keep_no_caller_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One cheap request each, and a crowd would hold every descriptor for 75 s."""
    monkeypatch.setattr("gateway.server.listeners.most_idle_connections", lambda: 2)

    async def hello(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="hello")

    listener = await listen_proxy(
        hello, bind(Address("127.0.0.1", 0)), logger=logging.getLogger("tests")
    )
    port = int(listener.address.rpartition(":")[2])
    opened = []
    async with asyncio.timeout(5):
        for _ in range(4):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            opened.append((reader, writer))
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /half")
            await reader.readuntil(b"hello")

        for early, _ in opened[:2]:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
                await early.readexactly(1)
        reader, writer = opened[-1]
        writer.write(b" HTTP/1.1\r\nHost: a\r\n\r\n")
        again = await reader.readuntil(b"hello")

    assert again.startswith(b"HTTP/1.1 200")
    for _, one in opened:
        one.close()
    await listener.close()


async def test_connections_that_say_nothing_keep_no_caller_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Connecting costs a stranger nothing, and a descriptor here."""
    monkeypatch.setattr("gateway.server.listeners.most_new_connections", lambda: 4)

    async def hello(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="hello")

    listener = await listen_proxy(
        hello, bind(Address("127.0.0.1", 0)), logger=logging.getLogger("tests")
    )
    port = int(listener.address.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await reader.readuntil(b"hello")
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(7)]
    async with asyncio.timeout(5):
        for early, _ in silent[:3]:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
                await early.readexactly(1)

    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    again = await reader.readuntil(b"hello")

    assert again.startswith(b"HTTP/1.1 200")
    for _, one in [*silent, (reader, writer)]:
        one.close()
    await listener.close()
