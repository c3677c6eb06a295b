"""Sender and AttemptRequest: what goes over the wire, and when."""

import asyncio
import tempfile
from collections.abc import Iterable
from typing import BinaryIO, cast

import pytest
from aiohttp import ClientRequest, ClientSession

from gateway.core.attempt import AttemptFailed
from gateway.deadline.options import DeadlineOptions
from tests.fakes import FakeClock
from tests.talking import talking
from tests.upstream.client import Client
from tests.upstreams import Received, ScriptedUpstream, Step, answer

KIB = 1024
HEADERS = [("Accept", "a/b"), ("Content-Type", "text/x"), ("X-Key", "1")]


class PlainRequest(ClientRequest):
    """aiohttp's own, told to invent nothing."""

    def update_auto_headers(self, skip_auto_headers: Iterable[str] | None) -> None:
        super().update_auto_headers(skip_auto_headers)
        for name in ("Accept-Encoding", "User-Agent"):
            self.headers.popall(name, None)


NO_BODY = ("content-length", b"0")


def shape(asked: Received) -> tuple[bytes, list[tuple[str, bytes]], bytes]:
    """Return what a request says, whatever the order and case of its names."""
    headers = sorted((name.decode().lower(), value) for name, value in asked.headers)
    return asked.line, headers, asked.body


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(None, id="no-body"),
        pytest.param(b"{}", id="small"),
        pytest.param(b"x" * 64 * KIB, id="the-largest-at-once"),
        pytest.param(b"x" * (64 * KIB + 1), id="the-smallest-in-a-task"),
        pytest.param(b"x" * 900 * KIB, id="large"),
    ],
)
@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]
)
async def test_the_bytes_are_those_of_aiohttps_own_session(
    client: Client, upstream: ScriptedUpstream, method: str, body: bytes | None
) -> None:
    """What we lean on moves with aiohttp, and this says so first."""
    upstream.default = Step(answer(200, b""))
    async with (
        ClientSession(request_class=PlainRequest) as session,
        session.request(
            method, f"{upstream.base_url}/a", headers=dict(HEADERS), data=body
        ),
    ):
        pass

    await client.send(client.exchange(method, outbound=HEADERS), body or b"")

    theirs, ours = map(shape, upstream.requests)
    if body is None:  # aiohttp invents this one for methods that expect a body
        theirs = theirs[0], [one for one in theirs[1] if one != NO_BODY], theirs[2]
    assert ours == theirs


async def test_a_body_on_disk_goes_out_whole(
    client: Client, upstream: ScriptedUpstream
) -> None:
    """Documents are spilled above a mebibyte."""
    content = bytes(range(256)) * 8 * KIB
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()

        await client.send(client.exchange("PUT"), cast("BinaryIO", file))

    assert upstream.requests[0].body == content


@pytest.mark.parametrize("size", [2, 100 * KIB])
async def test_a_request_can_be_sent_twice(
    client: Client, upstream: ScriptedUpstream, size: int
) -> None:
    """The free replay after a 401 sends the same bytes with another token."""
    exchange = client.exchange("POST", authorization="Bearer old")

    await client.send(exchange, b"x" * size)
    exchange.authorization = "Bearer new"
    await client.send(exchange, b"x" * size)

    assert [len(asked.body) for asked in upstream.requests] == [size, size]
    assert [asked.all("Content-Length") for asked in upstream.requests] == [
        [str(size)],
        [str(size)],
    ]
    assert upstream.requests[1].all("Authorization") == ["Bearer new"]
    assert (exchange.history.sends, upstream.connections) == (2, 1)


async def test_each_send_is_counted_when_it_is_written(
    client: Client, upstream: ScriptedUpstream
) -> None:
    """Not when it is answered: then a lost one would count for nothing."""
    upstream.default = Step(held=True)
    exchange = client.exchange("POST", upload=True)
    sending = asyncio.ensure_future(client.send(exchange, b"{}"))
    await asyncio.to_thread(upstream.wait_for, 1)

    counted = exchange.history.sends

    upstream.release()
    await sending
    assert counted == 1


async def test_an_intent_is_written_between_the_connection_and_the_first_byte(
    client: Client, upstream: ScriptedUpstream
) -> None:
    """Whoever is killed in between has it in the ledger, and nobody else has."""
    written, go_on = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        written.set()
        await go_on.wait()

    exchange = client.exchange("POST", before_send=write)
    sending = asyncio.ensure_future(client.send(exchange, b"{}"))
    await written.wait()
    before = len(upstream.requests), exchange.history.sends
    go_on.set()
    await sending
    await client.send(exchange, b"{}")  # a retry: what is written stays written

    assert before == (0, 0)
    assert (len(upstream.requests), exchange.before_send) == (2, None)


async def test_an_intent_that_was_cut_short_is_written_with_the_next_attempt(
    client: Client, upstream: ScriptedUpstream
) -> None:
    """A hanging disk may cost an attempt; it must not cost the intent."""
    written: list[int] = []

    async def write() -> None:
        written.append(len(upstream.requests))
        if len(written) == 1:
            raise TimeoutError

    exchange = client.exchange("POST", before_send=write)
    with pytest.raises(AttemptFailed):
        await client.send(exchange, b"{}")
    await client.send(exchange, b"{}")

    assert (written, exchange.history.sends) == ([0, 0], 1)


async def test_who_gets_no_connection_in_time_sent_nothing(
    upstream: ScriptedUpstream,
) -> None:
    """A pool that is used up is no reason to call an outcome unknown."""
    written: list[str] = []

    async def write() -> None:
        written.append("intent")

    upstream.default = Step(held=True)
    options = DeadlineOptions(attempt=5.0, connect=0.05, first_byte=5.0)
    client = Client(upstream.base_url, options, pool_size=1)
    first = asyncio.ensure_future(client.send(client.exchange()))
    await asyncio.to_thread(upstream.wait_for, 1)
    exchange = client.exchange("POST", before_send=write)

    with pytest.raises(AttemptFailed) as raised:
        await client.send(exchange, b"{}")

    upstream.release()
    await first
    await client.close()
    assert (raised.value.outcome, exchange.history.sends, written) == (
        "not_sent",
        0,
        [],
    )


async def test_the_wait_for_an_answer_begins_with_the_send(
    upstream: ScriptedUpstream,
) -> None:
    """On a connection that is there already, none of it is for connecting."""
    clock = FakeClock()
    options = DeadlineOptions(attempt=60.0, connect=30.0, first_byte=1.0)
    client = Client(upstream.base_url, options, clock)
    await client.send(client.exchange(deadline=clock.now() + 90.0))
    upstream.default = Step(held=True)
    sending = asyncio.ensure_future(
        client.send(client.exchange(deadline=clock.now() + 90.0))
    )
    await asyncio.to_thread(upstream.wait_for, 2)

    clock.advance(1.5)

    with pytest.raises(AttemptFailed) as raised:
        await asyncio.wait_for(sending, 10.0)
    upstream.release()
    await client.close()
    assert (raised.value.outcome, upstream.connections) == ("timeout", 1)


async def test_an_answer_that_comes_before_the_body_has_gone_is_read() -> None:
    """A 413 is worth more than the report of a broken pipe."""
    read = asyncio.Event()

    async def refuse(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(413, b"{}"))
        await writer.drain()
        await read.wait()

    async with talking(refuse) as base_url:
        client = Client(base_url, DeadlineOptions())

        response = await client.send(client.exchange("POST"), b"x" * 900 * KIB)

        read.set()
        await client.close()
    assert response.status == 413


async def test_closing_ends_every_connection(upstream: ScriptedUpstream) -> None:
    """A drained process must not hold Dinie's sockets."""
    client = Client(upstream.base_url, DeadlineOptions())
    await client.send(client.exchange())

    await client.close()

    with pytest.raises(AttemptFailed) as raised:
        await client.send(client.exchange())
    assert (raised.value.outcome, len(upstream.requests)) == ("not_sent", 1)
