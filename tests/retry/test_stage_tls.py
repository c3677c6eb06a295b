"""RetryStage and TLS: a certificate that does not hold is nobody's bad luck."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme

from gateway.core.errors import UpstreamUnreachable
from tests.retry.scene import scene
from tests.upstreams import answer

AUTHORITY = trustme.CA()


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(answer(200, b"{}", [("Connection", "close")]))
    await writer.drain()
    writer.close()


async def serving(*names: str) -> AsyncIterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert(*names).configure_cert(context)
    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def secured() -> AsyncIterator[int]:
    async for port in serving("127.0.0.1"):
        yield port


@pytest.fixture
async def misnamed() -> AsyncIterator[int]:
    async for port in serving("other.example"):
        yield port


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


async def test_a_certificate_that_holds_is_served(secured: int) -> None:
    """The tests below fail for the certificate, not for TLS."""
    async with scene(f"https://127.0.0.1:{secured}/v3", tls=trusting()) as stage:
        response = await stage.send(stage.exchange())

        assert response.status == 200


async def test_an_unknown_authority_is_never_retried(secured: int) -> None:
    """Waiting heals no certificate: somebody must be told."""
    async with scene(f"https://127.0.0.1:{secured}/v3") as stage:
        exchange = stage.exchange()

        with pytest.raises(UpstreamUnreachable) as raised:
            await stage.send(exchange)

        assert (stage.outcomes, exchange.history.sends) == (["tls_invalid"], 0)
        assert raised.value.retry_after is None
        assert "certificate" in raised.value.detail


async def test_a_certificate_of_another_host_is_never_retried(misnamed: int) -> None:
    """That is what an interception looks like."""
    async with scene(f"https://127.0.0.1:{misnamed}/v3", tls=trusting()) as stage:
        with pytest.raises(UpstreamUnreachable):
            await stage.send(stage.exchange("POST"))

        assert stage.outcomes == ["tls_invalid"]
