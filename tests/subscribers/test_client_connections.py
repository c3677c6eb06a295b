"""The client's connections: kept, given up, and only to whom they should be."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme
import uvloop

from gateway.inbox.options import SubscriberOptions
from gateway.inbox.policy import AttemptResult
from gateway.subscribers.client import HttpSubscriberClient
from gateway.upstream.resolver import Resolver
from tests.talking import close_server
from tests.upstreams import ScriptedUpstream, answer

HEADERS = [("webhook-id", "evt_1")]


@pytest.fixture
async def client() -> AsyncIterator[HttpSubscriberClient]:
    made = HttpSubscriberClient(resolver=Resolver(), clock=lambda: 1_790_000_000.0)
    yield made
    await made.close()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def to(url: str) -> SubscriberOptions:
    return SubscriberOptions(name="a", url=url, events=("*",))


async def test_idle_connections_are_closed_before_a_server_does(
    upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delivery that meets a server's close is lost, and counts as a failure."""
    monkeypatch.setattr("gateway.subscribers.client._IDLE", 0.02)
    client = HttpSubscriberClient(resolver=Resolver(), clock=lambda: 0.0)
    await client.send(to(upstream.base_url), HEADERS, b"x")
    (connection,) = client._connections
    async with asyncio.timeout(10):
        while connection.usable:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)

    done = await client.send(to(upstream.base_url), HEADERS, b"x")

    await client.close()
    assert done == AttemptResult(200)


@pytest.mark.parametrize(
    ("partly", "expected"),
    [(b"", AttemptResult(200)), (b"HTT", AttemptResult(None, error="dropped"))],
)
async def test_an_idle_connection_that_ends_without_a_byte_uses_up_no_attempt(
    client: HttpSubscriberClient, partly: bytes, expected: AttemptResult
) -> None:
    """A server may keep connections for a shorter time than the client thinks."""
    requests: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(2):
            await reader.readuntil(b"\r\n\r\nx")
            requests.append(number)
            writer.write(partly if number else answer(200))
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    await client.send(to(url), HEADERS, b"x")

    done = await client.send(to(url), HEADERS, b"x")

    await client.close()
    await close_server(listening)
    assert done == expected
    assert requests == ([0, 1, 0] if expected.ok else [0, 1])


async def test_a_new_connection_that_ends_without_a_byte_is_a_failure(
    client: HttpSubscriberClient,
) -> None:
    """A service that dies of an event must not get it again at once."""
    requests = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await reader.readuntil(b"\r\n\r\nx")
        requests += 1
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"

    done = await client.send(to(url), HEADERS, b"x")

    await close_server(listening)
    assert done == AttemptResult(None, error="dropped")
    assert requests == 1


async def test_a_busy_connection_is_not_kept_for_ever(
    client: HttpSubscriberClient,
    upstream: ScriptedUpstream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A service that has moved would be posted to at its old place for hours."""
    monkeypatch.setattr("gateway.subscribers.client._OLDEST", -1.0)
    for _ in range(2):
        await client.send(to(upstream.base_url), HEADERS, b"x")

    first, second = upstream.requests
    assert first.connection != second.connection


async def test_one_address_of_several_is_enough(
    upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pod is gone, the name still has its address."""
    port = int(upstream.base_url.rpartition(":")[2].partition("/")[0])
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_, **__: [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("127.0.0.2", "127.0.0.1")
        ],
    )
    client = HttpSubscriberClient(resolver=Resolver(), clock=lambda: 0.0)

    done = await client.send(to(f"http://two.test:{port}/x"), HEADERS, b"x")

    await client.close()
    assert done == AttemptResult(200)


def test_deliveries_go_out_on_the_loop_of_the_gateway(
    upstream: ScriptedUpstream,
) -> None:
    """Its transports are of classes of their own."""

    async def deliver() -> AttemptResult:
        client = HttpSubscriberClient(resolver=Resolver(), clock=lambda: 0.0)
        done = await client.send(
            to(upstream.base_url.replace("127.0.0.1", "localhost")), HEADERS, b"x"
        )
        await client.close()
        return done

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        done = runner.run(deliver())

    assert done == AttemptResult(200)


async def test_a_certificate_must_be_the_subscriber_s(
    authority: trustme.CA,
) -> None:
    """Bodies hold personal data."""
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(200))
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=server)
    port = listening.sockets[0].getsockname()[1]
    done = []
    for context, host in (
        (trusting, "localhost"),
        (trusting, "127.0.0.1"),
        (None, "localhost"),
    ):
        client = HttpSubscriberClient(
            resolver=Resolver(), ssl_context=context, clock=lambda: 0.0
        )
        done.append(await client.send(to(f"https://{host}:{port}/"), HEADERS, b"x"))
        await client.close()
    await close_server(listening)

    assert done == [
        AttemptResult(200),
        AttemptResult(None, error="tls"),
        AttemptResult(None, error="tls"),
    ]
