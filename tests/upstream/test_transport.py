"""TransportStage over real connections: what is read, and what is refused."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from aiohttp import ClientPayloadError

from gateway.core.attempt import AttemptFailed
from gateway.core.upstream_response import UpstreamResponse
from gateway.upstream.transport import trust
from tests.upstream.client import Client
from tests.upstreams import DROP, RESET, ScriptedUpstream, Step, answer

MIB = 1024 * 1024
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


async def chunks(response: UpstreamResponse) -> AsyncIterator[bytes]:
    """Yield the rest of a response that streams."""
    assert response.read is not None
    while some := await response.read():
        yield some


@pytest.mark.parametrize(
    ("step", "body"),
    [
        pytest.param(Step(answer(200, b"")), b"", id="empty"),
        pytest.param(Step(answer(200, b"abc")), b"abc", id="small"),
        pytest.param(Step(answer(200, b"x" * MIB)), b"x" * MIB, id="one-mebibyte"),
        pytest.param(
            Step(CHUNKED + chunk(b"ab") + chunk(b"c") + b"0\r\n\r\n"),
            b"abc",
            id="chunked",
        ),
        pytest.param(
            Step(b"HTTP/1.1 200 OK\r\n\r\nto the end", "close"),
            b"to the end",
            id="until-it-closes",
        ),
        pytest.param(Step(b"HTTP/1.1 204 No\r\n\r\n"), b"", id="no-content"),
    ],
)
async def test_an_answer_up_to_a_mebibyte_is_read_whole(
    client: Client, upstream: ScriptedUpstream, step: Step, body: bytes
) -> None:
    """Only what is here whole can be told from what was cut."""
    upstream.default = step
    exchange = client.exchange()

    response = await client.send(exchange)

    assert (response.body, response.begun, exchange.held) == (body, b"", None)
    assert client.outcomes == ["2xx"]


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_larger_answer_is_begun_and_streams(
    client: Client, upstream: ScriptedUpstream, framing: str
) -> None:
    """Sixty-four large downloads must not be kept in memory."""
    body = bytes(range(256)) * (2 * MIB // 256)
    chunked = CHUNKED + chunk(body) + b"0\r\n\r\n"
    upstream.default = Step(answer(200, body) if framing == "length" else chunked)
    exchange = client.exchange()

    response = await client.send(exchange)
    rest = b"".join([chunk async for chunk in chunks(response)])

    assert (response.body, exchange.held) == (None, response)
    assert MIB < len(response.begun) < 2 * MIB
    assert response.begun + rest == body


async def test_a_stream_that_is_cut_says_so(
    client: Client, upstream: ScriptedUpstream
) -> None:
    """The caller's connection has to be cut too."""
    upstream.default = Step(answer(200, b"x" * 2 * MIB, length=3 * MIB), "close")
    response = await client.send(client.exchange())

    with pytest.raises(ClientPayloadError):
        async for _ in chunks(response):
            pass

    response.end()


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        pytest.param(DROP, "dropped", id="dropped"),
        pytest.param(RESET, "dropped", id="reset"),
        pytest.param(Step(held=True), "timeout", id="silence"),
        pytest.param(
            Step(answer(), held=True, sent_first=20), "timeout", id="half-a-head"
        ),
        pytest.param(
            Step(answer(), held=True, sent_first=len(answer()) - 1),
            "timeout",
            id="half-a-body",
        ),
        pytest.param(Step(answer(200, b"{", length=9), "close"), "cut", id="cut"),
        pytest.param(Step(answer(200, b"{", length=9), "reset"), "cut", id="cut-reset"),
        pytest.param(
            Step(answer(200, b"x" * 9, length=2 * MIB), "close"), "cut", id="cut-large"
        ),
        pytest.param(Step(CHUNKED + chunk(b"a"), "close"), "cut", id="cut-chunks"),
        pytest.param(Step(b"SSH-2.0-x\r\n\r\n", "close"), "malformed", id="no-http"),
        pytest.param(
            Step(b"HTTP/1.1 two\r\n\r\n", "close"), "malformed", id="status-line"
        ),
        pytest.param(
            Step(b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
            "malformed",
            id="switch-of-protocols",
        ),
        pytest.param(
            Step(answer(200, b"", [("X-A", "x" * 17_000)])),
            "malformed",
            id="header-over-the-limit",
        ),
    ],
)
async def test_what_is_no_whole_answer_is_a_failed_attempt(
    client: Client, upstream: ScriptedUpstream, step: Step, outcome: str
) -> None:
    """And it is sent once: the client's own second send would be seen by nobody."""
    upstream.default = step
    exchange = client.exchange()

    with pytest.raises(AttemptFailed) as raised:
        await client.send(exchange)

    upstream.release()
    assert (raised.value.outcome, client.outcomes) == (outcome, [outcome])
    assert (exchange.history.sends, len(upstream.requests)) == (1, 1)


async def test_an_attempt_after_a_failed_one_has_a_clean_connection(
    client: Client, upstream: ScriptedUpstream
) -> None:
    """The rest of an old answer must not be read as the next one."""
    upstream.script(Step(answer(200, b"old"), held=True, sent_first=30))
    with pytest.raises(AttemptFailed):
        await client.send(client.exchange())
    upstream.release()
    upstream.default = Step(answer(200, b"new"))
    exchange = client.exchange()

    response = await client.send(exchange)

    assert (response.body, upstream.connections) == (b"new", 2)


async def test_an_answer_that_nobody_asked_for_is_not_the_next_ones(
    client: Client, upstream: ScriptedUpstream
) -> None:
    """One caller would read what was meant for another."""
    stray = answer(200, b"one") + answer(200, b"stray")
    upstream.script(Step(stray), Step(answer(200, b"two")))
    await client.send(client.exchange())
    await asyncio.sleep(0.05)
    exchange = client.exchange()

    response = await client.send(exchange)

    assert response.body == b"two"


async def test_a_header_of_nine_kilobytes_is_still_read(
    client: Client, upstream: ScriptedUpstream
) -> None:
    """The client's own limit is 8190 bytes, and real cookies are longer."""
    upstream.default = Step(answer(200, b"", [("X-A", "x" * 9000)]))

    response = await client.send(client.exchange())

    assert len(response.headers["X-A"]) == 9000


async def test_an_attempt_ends_at_the_requests_deadline(
    client: Client, upstream: ScriptedUpstream
) -> None:
    """Nobody waits for what comes later."""
    upstream.default = Step(held=True)
    exchange = client.exchange(upload=True)  # its attempt has no other limit
    exchange.deadline = client.now() + 0.05

    with pytest.raises(AttemptFailed) as raised:
        await client.send(exchange)

    upstream.release()
    assert raised.value.outcome == "timeout"


async def test_what_arrives_on_an_idle_connection_is_not_the_next_answer(
    client: Client, upstream: ScriptedUpstream
) -> None:
    """The client looks when it gives a connection back, not when it takes it again."""
    first = answer(200, b"one")
    late = Step(first + answer(200, b"stray"), held=True, sent_first=len(first))
    upstream.script(late, Step(answer(200, b"two")))
    await client.send(client.exchange())
    upstream.release()
    await asyncio.sleep(0.05)
    exchange = client.exchange()

    response = await client.send(exchange)

    assert (response.body, upstream.connections) == (b"two", 2)


def test_a_ca_file_is_trusted_beside_the_rest(tmp_path: Path) -> None:
    """A company's own authority signs what stands in between."""
    authority = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))

    context = trust(str(authority))

    assert context is not None
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) > len(
        ssl.create_default_context().get_ca_certs()
    )


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_a_ca_file_that_is_of_no_use_is_named_by_its_setting(
    tmp_path: Path, text: str | None
) -> None:
    """The words of OpenSSL say neither which file it is nor who named it."""
    authority = tmp_path / "ca.pem"
    if text is not None:
        authority.write_text(text)

    with pytest.raises(OSError, match=r"upstream\.ca_file: no CA") as caught:
        trust(str(authority))

    assert caught.value.strerror == (
        "upstream.ca_file: no CA certificates can be read there"
    )


def test_without_a_ca_file_the_systems_trust_is_used() -> None:
    """A context of our own would be one more place to go stale."""
    assert trust(None) is None
