"""Listeners: all addresses or none, and whether their sockets are still there."""

import asyncio
import socket
from pathlib import Path

import pytest
from aiohttp import web

from gateway.app.listeners import Listeners
from gateway.config.schema import Listen
from gateway.core.address import Address
from gateway.server.certificates import Certificates
from gateway.server.options import TlsOptions

ANYWHERE = Address("127.0.0.1", 0)


def listeners(**where: Address) -> Listeners:
    listen = Listen(**{"proxy": Address(), "admin": Address(), **where})
    return Listeners(listen, Certificates(TlsOptions()), None)


async def hello(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="hello")


async def test_where_one_address_is_taken_none_is_touched(tmp_path: Path) -> None:
    """A second start that fails on its admin port costs the first nothing."""
    path = tmp_path / "s"
    first = listeners(proxy=Address(path=str(path)), admin=ANYWHERE)
    first.bind()
    running = await first.start(hello, web.Application())
    port = int((running.admin or "").rpartition(":")[2])
    second = listeners(
        proxy=Address(path=str(tmp_path / "t")), admin=Address("127.0.0.1", port)
    )

    with pytest.raises(OSError, match="in use"):
        second.bind()

    assert not (tmp_path / "t").exists()
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    said = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await first.close()
    assert said.endswith(b"hello")


async def test_a_socket_that_is_gone_makes_the_gateway_unready(tmp_path: Path) -> None:
    """Ready means that a caller can connect."""
    path = tmp_path / "s"
    made = listeners(proxy=Address(path=str(path)))
    made.bind()
    await made.start(hello, web.Application())
    before = made.check()

    path.unlink()
    after = made.check()

    await made.close()
    assert before.ok
    assert not after.ok
    assert str(path) in after.reason


async def test_what_is_bound_waits_until_it_is_served() -> None:
    """Between binding and serving no connection is refused."""
    made = listeners(proxy=ANYWHERE)
    made.bind()
    port = made._bound["proxy"].address.rpartition(":")[2]
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    await made.start(hello, web.Application())
    said = await asyncio.wait_for(reader.read(), 5)

    writer.close()
    await made.close()
    assert said.endswith(b"hello")


async def test_closing_frees_every_address(tmp_path: Path) -> None:
    """A restart takes them again."""
    path = tmp_path / "s"
    made = listeners(proxy=Address(path=str(path)), admin=ANYWHERE)
    made.bind()
    running = await made.start(hello, web.Application())

    await made.close()

    assert not path.exists()
    port = int((running.admin or "").rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)
