"""ResponseStreams: a slow reader holds memory within a bound, and no slot."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.inprocess import Stack, running_stack
from tests.upstreams import ScriptedUpstream, Step, answer

MIB = 1024 * 1024
LARGE = bytes(range(256)) * 4 * 1024 * 6  # 6 MiB: more than is read ahead
MEDIUM = LARGE[: 3 * MIB]
ASK = b"GET /v3/x HTTP/1.1\r\nHost: localhost\r\n\r\n"


@asynccontextmanager
async def deaf(stack: Stack, count: int) -> AsyncIterator[list[socket.socket]]:
    """Have so many callers that ask, and do not read."""
    host, _, port = str(stack.running.proxy).rpartition(":")
    loop = asyncio.get_running_loop()
    socks = []
    for _ in range(count):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await loop.sock_connect(sock, (host, int(port)))
        await loop.sock_sendall(sock, ASK)
        socks.append(sock)
    await asyncio.sleep(0.3)
    try:
        yield socks
    finally:
        for sock in socks:
            sock.close()


async def in_flight(stack: Stack) -> float:
    metrics = (await stack.admin("/metrics")).body.decode()
    line = metrics.partition("\ndinie_gateway_in_flight ")[2]
    return float(line.partition("\n")[0])


async def test_readers_that_do_not_read_hold_no_slot(
    upstream: ScriptedUpstream,
) -> None:
    """Seventy of them kept everybody out for 51 seconds."""
    upstream.default = Step(answer(body=LARGE))
    async with (
        running_stack(upstream.base_url, "admission.max_in_flight=2") as stack,
        deaf(stack, 6),
    ):
        upstream.default = Step()
        said = await stack.ask("GET", "/v3/banks")
        held = await in_flight(stack)

    assert (said.status, held) == (200, 0.0)


async def test_a_slow_reader_gets_every_byte(upstream: ScriptedUpstream) -> None:
    """Reading ahead of it changes nothing of what it gets."""
    upstream.default = Step(answer(body=LARGE))
    async with running_stack(upstream.base_url) as stack, deaf(stack, 1) as (sock,):
        loop = asyncio.get_running_loop()
        got = bytearray()
        async with asyncio.timeout(20):
            while len(got) < len(LARGE) or not got.endswith(LARGE[-MIB:]):
                chunk = await loop.sock_recv(sock, 256 * 1024)
                assert chunk, "it was cut"
                got += chunk

    assert got.partition(b"\r\n\r\n")[2] == LARGE


async def test_without_connections_to_spare_a_slow_reader_keeps_its_slot(
    upstream: ScriptedUpstream,
) -> None:
    """The pool of connections to Dinie must not be emptied by readers that stall."""
    upstream.default = Step(answer(body=LARGE))
    async with (
        running_stack(
            upstream.base_url, "admission.max_in_flight=2", "upstream.pool_size=11"
        ) as stack,
        deaf(stack, 3),
    ):
        held = await in_flight(stack)

    assert held == 2.0


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_what_fits_is_read_and_gives_its_slot_back(
    upstream: ScriptedUpstream, framing: str
) -> None:
    """Dinie has done its part, whatever the caller does."""
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks += b"%x\r\n%b\r\n0\r\n\r\n" % (len(MEDIUM), MEDIUM)
    upstream.default = Step(answer(body=MEDIUM) if framing == "length" else chunks)
    async with (
        running_stack(
            upstream.base_url, "admission.max_in_flight=2", "upstream.pool_size=10"
        ) as stack,
        deaf(stack, 2),
    ):
        held = await in_flight(stack)

    assert held == 0.0
