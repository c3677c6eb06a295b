"""Requests that cannot be read or relayed, on a real socket: each is a problem."""

import asyncio
import json

import pytest

from tests.inprocess import Said, Stack
from tests.server.test_boundary import check_shape
from tests.upstreams import ScriptedUpstream


@pytest.mark.parametrize(
    ("head", "detail"),
    [
        pytest.param(
            f"GET /v3/{'a' * 20_000} HTTP/1.1\r\nHost: a\r\n",
            "over 16384 bytes",
            id="long-url",
        ),
        pytest.param(
            f"GET /v3/x HTTP/1.1\r\nHost: a\r\nX: {'a' * 20_000}\r\n",
            "over 16384 bytes",
            id="long-field",
        ),
        pytest.param(
            "GET /v3/x HTTP/1.1\r\nHost: a\r\n" + "X: a\r\n" * 128,
            "more than 128 header fields",
            id="many-fields",
        ),
        pytest.param("GET /v3/x HTTP/9\r\n", "request line", id="version"),
        pytest.param(
            "GET /v3/x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            "an upgrade",
            id="websocket",
        ),
        pytest.param(
            "GET /v3/x HTTP/1.1\r\nHost: a\r\nX-Name: Jos\xe9\r\n",
            "not UTF-8",
            id="latin-1",
        ),
    ],
)
async def test_what_cannot_be_read_is_a_problem_too(
    stack: Stack, upstream: ScriptedUpstream, head: str, detail: str
) -> None:
    """A client that handles one problem handles this one, and reads why."""
    host, _, port = (stack.running.proxy or "").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.encode("latin-1") + b"\r\n")
    raw = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    line, *fields = raw.decode().split("\r\n")
    headers = dict(field.split(": ", 1) for field in fields if field)
    body = await reader.readexactly(int(headers["Content-Length"]))
    writer.close()

    assert line.split(" ")[1] == "400"
    check_shape(Said(400, headers, body), "bad-request", 400)
    assert detail in json.loads(body)["detail"]
    assert upstream.requests == []
