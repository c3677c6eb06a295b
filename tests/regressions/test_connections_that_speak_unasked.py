"""What Dinie's side said unasked, late or half was taken for an answer."""

import asyncio
import socket
import struct
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, BinaryIO

import pytest

from gateway.core.attempt import AttemptFailed
from gateway.core.errors import UpstreamUnreachable
from gateway.deadline.options import DeadlineOptions
from gateway.upstream.base import Base
from tests.inprocess import running_stack
from tests.talking import talking
from tests.upstream.client import Client
from tests.upstreams import ScriptedUpstream, Step, answer

MIB = 1024 * 1024
SIZE = 30 * MIB  # more than any socket takes unread


@pytest.fixture
def file() -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as opened:
        yield opened


def after_connecting(client: Client, then: Callable[[], Awaitable[None]]) -> None:
    """Let something happen between the connection and the request."""
    connect = client.sender._connector.connect

    async def slowly(*given: Any, **more: Any) -> Any:
        connection = await connect(*given, **more)
        await then()
        return connection

    client.sender._connector.connect = slowly  # type: ignore[method-assign]


async def test_a_greeting_is_no_answer() -> None:
    """A POST was answered by bytes that were there before it."""
    received = b""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        writer.write(answer(200, b"greeting"))
        await writer.drain()
        received += await reader.read(MIB)
        writer.close()

    async with talking(greet) as base_url:
        client = Client(base_url, DeadlineOptions())
        after_connecting(client, partial(asyncio.sleep, 0.05))
        exchange = client.exchange("POST")

        with pytest.raises(AttemptFailed) as raised:
            await client.send(exchange, b"{}")

        await client.close()
    assert (raised.value.outcome, exchange.history.sends, received) == (
        "not_sent",
        0,
        b"",
    )


async def test_half_an_answer_on_an_idle_connection_spoils_it(
    upstream: ScriptedUpstream,
) -> None:
    """The next POST would be lost on a connection that is going away."""
    first = answer(200, b"one")
    upstream.script(
        Step(first + b"HTTP/1.1 408 Ti", held=True, sent_first=len(first)),
        Step(answer(200, b"two")),
    )
    client = Client(upstream.base_url, DeadlineOptions())
    await client.send(client.exchange())
    upstream.release()
    await asyncio.sleep(0.05)
    exchange = client.exchange("POST")

    response = await client.send(exchange, b"{}")

    await client.close()
    assert (response.body, upstream.connections) == (b"two", 2)


@pytest.mark.parametrize("said", [answer(408, b"too slow"), b""])
async def test_what_happens_while_an_intent_is_written_is_no_answer(
    upstream: ScriptedUpstream, said: bytes
) -> None:
    """A slow disk let a server's "408, you are idle" answer a loan, or lost it."""
    first = answer(200, b"one")
    upstream.script(Step(first + said, "close", held=True, sent_first=len(first)))
    client = Client(upstream.base_url, DeadlineOptions())
    await client.send(client.exchange())

    async def slowly() -> None:
        upstream.release()
        await asyncio.sleep(0.05)

    exchange = client.exchange("POST", before_send=slowly)
    with pytest.raises(AttemptFailed) as raised:
        await client.send(exchange, b"{}")

    await client.close()
    failed = raised.value
    assert (failed.outcome, failed.of_upstream) == ("not_sent", False)
    assert (exchange.history.sends, len(upstream.requests)) == (0, 1)


async def test_nothing_is_sent_for_who_left_while_an_intent_was_written(
    upstream: ScriptedUpstream,
) -> None:
    """The look at the caller comes right before the first byte, not before the disk."""
    client = Client(upstream.base_url, DeadlineOptions())

    class Peer:
        transport: object | None = object()

    peer = Peer()

    async def leave() -> None:
        peer.transport = None

    exchange = client.exchange("POST", peer=peer, before_send=leave)

    with pytest.raises(UpstreamUnreachable, match="hung up"):
        await client.send(exchange, b"{}")

    await client.close()
    assert (exchange.history.sends, upstream.requests) == (0, [])


async def test_a_reset_is_no_end_of_an_answer() -> None:
    """Half a loan was relayed as a whole one."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\n\r\n{"id":"ln_1","amou')
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        writer.transport.abort()

    async with talking(cut) as base_url:
        client = Client(base_url, DeadlineOptions())

        with pytest.raises(AttemptFailed) as raised:
            await client.send(client.exchange())

        await client.close()
    assert raised.value.outcome == "cut"


async def test_an_attempt_that_was_given_up_does_not_arrive_later(
    file: BinaryIO,
) -> None:
    """It would overtake, or follow, its own repetition."""
    got = b""
    go_on, gone = asyncio.Event(), asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        await go_on.wait()
        try:
            while more := await reader.read(MIB):
                got += more
        except ConnectionError:
            pass
        writer.close()
        gone.set()

    async with talking(stall) as base_url:
        client = Client(base_url, DeadlineOptions(first_byte=0.1))
        file.truncate(SIZE)

        with pytest.raises(AttemptFailed):
            await client.send(client.exchange("POST"), file)

        go_on.set()
        await asyncio.wait_for(gone.wait(), 10)
        await client.close()
    assert len(got) < SIZE


async def test_nothing_is_sent_for_who_left_while_connecting(
    upstream: ScriptedUpstream,
) -> None:
    """Connecting may take seconds, and the look came before it."""
    client = Client(upstream.base_url, DeadlineOptions())

    class Peer:
        transport: object | None = object()

    peer = Peer()

    async def leave() -> None:
        peer.transport = None

    after_connecting(client, leave)
    exchange = client.exchange("POST", peer=peer)

    with pytest.raises(UpstreamUnreachable, match="hung up"):
        await client.send(exchange, b"{}")

    await client.close()
    assert (exchange.history.sends, upstream.requests) == (0, [])


async def test_an_ipv6_upstream_is_reached() -> None:
    """Every request was a 500."""
    host = b""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal host
        head = await reader.readuntil(b"\r\n\r\n")
        host = next(x for x in head.split(b"\r\n") if x.startswith(b"Host: "))
        writer.write(answer(200, b"six"))
        await writer.drain()
        writer.close()

    async with talking(say, "::1") as base_url:
        client = Client(base_url, DeadlineOptions())
        exchange = client.exchange()
        response = await client.send(exchange)
        await client.close()

    authority = base_url.removeprefix("http://").removesuffix("/v3")
    assert (response.body, host) == (b"six", b"Host: " + authority.encode())


def test_a_punycode_host_stays_one() -> None:
    """Its other form is no bytes that a header may have."""
    url = Base.of("https://xn--mnchen-3ya.example/v3").url("/x")

    assert url.host_port_subcomponent == "xn--mnchen-3ya.example"


async def test_an_old_callers_stream_has_an_end(upstream: ScriptedUpstream) -> None:
    """HTTP/1.0 has no chunks: only the end of the connection says it."""
    body = b"x" * 2 * MIB
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    upstream.default = Step(head + chunks)
    async with running_stack(upstream.base_url) as stack:
        address, _, port = str(stack.running.proxy).rpartition(":")
        reader, writer = await asyncio.open_connection(address, int(port))
        writer.write(b"GET /v3/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")

        got = await asyncio.wait_for(reader.read(), 10)

        writer.close()
    assert got.partition(b"\r\n\r\n")[2] == body
    assert b"keep-alive" not in got.partition(b"\r\n\r\n")[0].lower()
