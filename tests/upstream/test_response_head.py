"""Heads of Dinie's responses: mended, refused, or within the limits."""

import pytest

from gateway.core.attempt import AttemptFailed, Outcome
from tests.upstream.client import Client
from tests.upstreams import ScriptedUpstream, Step

OK = b"HTTP/1.1 200 OK\r\n"
BLANKS = {
    "length": OK + b"Content-Length : 5\r\n\r\nhello",
    "several": OK + b"Connection  : x\r\nContent-Length   : 5\r\n\r\nhello",
    "chunked": OK + b"Transfer-Encoding : chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("raw", BLANKS.values(), ids=BLANKS)
async def test_a_field_name_has_no_blank(
    client: Client, upstream: ScriptedUpstream, raw: bytes
) -> None:
    """RFC 9112 5.1: another reader would see a field of another name."""
    upstream.default = Step(raw)
    exchange = client.exchange()

    response = await client.send(exchange)

    assert response.body == b"hello"
    assert not any(" " in name for name in response.headers)


async def test_a_blank_in_another_name_is_refused(
    client: Client, upstream: ScriptedUpstream
) -> None:
    """The parser does it, and what it takes must not grow unseen."""
    upstream.default = Step(OK + b"X-A : 7\r\nContent-Length: 0\r\n\r\n", "close")

    with pytest.raises(AttemptFailed, match="no valid HTTP"):
        await client.send(client.exchange())


CODINGS = {
    "gzip-chunked": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "gzip": b"Transfer-Encoding: gzip\r\n\r\nx",
    "twice": b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "with-a-blank": b"Transfer-Encoding : gzip, chunked\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("rest", CODINGS.values(), ids=CODINGS)
async def test_a_body_coded_for_the_transfer_is_refused(
    client: Client, upstream: ScriptedUpstream, rest: bytes
) -> None:
    """Passed on without its label, it is garbage to the caller."""
    upstream.default = Step(OK + rest, "close")

    with pytest.raises(AttemptFailed) as failed:
        await client.send(client.exchange())

    assert failed.value.outcome is Outcome.MALFORMED
    assert "transfer coding" in failed.value.detail


async def test_identity_of_an_old_server_is_no_coding(
    client: Client, upstream: ScriptedUpstream
) -> None:
    """It says that there is none."""
    upstream.default = Step(OK + b"Transfer-Encoding: Identity\r\n\r\nold", "close")
    exchange = client.exchange()

    response = await client.send(exchange)

    assert response.body == b"old"


def fields(count: int) -> bytes:
    lines = b"".join(b"X-%d: a\r\n" % number for number in range(count - 1))
    return OK + lines + b"Content-Length: 2\r\n\r\n{}"


async def test_256_fields_are_taken(client: Client, upstream: ScriptedUpstream) -> None:
    """Some gateways in front of an API add a field for each of their steps."""
    upstream.default = Step(fields(256))

    response = await client.send(client.exchange())

    assert len(response.headers) == 256


async def test_one_more_is_refused_by_name(
    client: Client, upstream: ScriptedUpstream
) -> None:
    """The detail says what to look for."""
    upstream.default = Step(fields(257), "close")

    with pytest.raises(AttemptFailed, match="more than 256 header fields"):
        await client.send(client.exchange())
