"""Listeners: where they listen, how they respond to nonsense, how they stop."""

import asyncio
import logging
from pathlib import Path

import pytest
from aiohttp import web

from gateway.core.address import Address
from gateway.server.listeners import Listener, listen_application, listen_proxy
from gateway.server.sockets import bind

ANYWHERE = Address("127.0.0.1", 0)
LOGGER = logging.getLogger("tests.runner")


async def hello(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text=request.raw_path)


async def proxy(where: Address) -> Listener:
    return await listen_proxy(hello, bind(where), logger=LOGGER)


async def ask(listener: Listener, data: bytes) -> bytes:
    """Return all that comes back on a connection of its own."""
    kind, _, path = listener.address.partition("unix:")
    if path:
        reader, writer = await asyncio.open_unix_connection(path)
    else:
        host, _, port = kind.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


def get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()


async def test_a_free_port_is_told() -> None:
    """Tests and the demo take whatever port there is."""
    listener = await proxy(ANYWHERE)

    response = await ask(listener, get("/a%2Fb?c"))

    address = listener.address
    await listener.close()
    assert address.startswith("127.0.0.1:")
    assert response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert response.endswith(b"/a%2Fb?c")
    assert b"Server:" not in response


async def test_a_unix_socket_is_served(tmp_path: Path) -> None:
    """A sidecar needs no port."""
    path = str(tmp_path / "s")
    listener = await proxy(Address(path=path))

    response = await ask(listener, get("/"))

    address = listener.address
    await listener.close()
    assert address == f"unix:{path}"
    assert response.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/9 evil-bytes\r\n\r\n", id="version"),
        pytest.param(b"GET / HTTP/1.1\r\nevil-bytes: a\x00\r\n\r\n", id="header"),
        pytest.param(b"evil-bytes\r\n\r\n", id="no-http"),
    ],
)
async def test_what_is_no_http_gets_a_400_that_repeats_nothing(data: bytes) -> None:
    """An error page with the caller's bytes in it is an attack's tool."""
    listener = await proxy(ANYWHERE)

    response = await ask(listener, data)

    await listener.close()
    assert response.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
    assert b"evil-bytes" not in response


@pytest.mark.parametrize("data", [b"GET / HTTP/9 evil-bytes\r\n\r\n"])
async def test_the_admin_listener_repeats_nothing_either(data: bytes) -> None:
    """Aiohttp's own response repeats what it did not understand."""
    listener = await listen_application(
        web.Application(), bind(ANYWHERE), logger=LOGGER
    )

    response = await ask(listener, data)

    await listener.close()
    assert b"application/problem+json" in response
    assert b"evil-bytes" not in response


async def test_a_refusal_of_the_parser_s_can_be_the_listener_s_own() -> None:
    """The proxy's has a slug and the request id."""

    def own(_: BaseException | None) -> web.Response:
        return web.Response(status=400, text="own")

    listener = await listen_proxy(hello, bind(ANYWHERE), logger=LOGGER, refusal=own)

    response = await ask(listener, b"nonsense\r\n\r\n")

    await listener.close()
    assert response.endswith(b"own")


async def test_a_stopped_listener_takes_nobody_new() -> None:
    """The balancer goes elsewhere; what was accepted goes on."""
    listener = await proxy(ANYWHERE)
    host, _, port = listener.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(get("/first").replace(b"close", b"keep-alive"))
    await reader.readuntil(b"/first")

    await listener.stop_accepting()

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(host, int(port))
    writer.write(get("/second"))
    rest = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await listener.close()
    assert rest.endswith(b"/second")


async def test_a_port_that_is_taken_is_an_error() -> None:
    """Starting twice is noticed at once."""
    first = await proxy(ANYWHERE)
    port = int(first.address.rpartition(":")[2])

    with pytest.raises(OSError, match="in use"):
        await proxy(Address("127.0.0.1", port))

    await first.close()


async def test_an_application_can_be_served() -> None:
    """The admin listener is an ordinary one."""
    listener = await listen_application(
        web.Application(), bind(ANYWHERE), logger=LOGGER
    )

    response = await ask(listener, get("/"))

    await listener.close()
    assert response.startswith(b"HTTP/1.1 404 ")
