"""Relay: what is sent to Dinie of a request."""

import asyncio

import pytest

from tests.inprocess import Stack
from tests.upstreams import ScriptedUpstream, Step, answer


@pytest.mark.parametrize("length", [None, "0"], ids=["none", "zero"])
@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "OPTIONS", "DELETE", "PUT", "PATCH", "POST"]
)
async def test_a_request_without_a_body_has_the_length_that_its_caller_gave(
    stack: Stack, upstream: ScriptedUpstream, method: str, length: str | None
) -> None:
    """No field is invented: some servers refuse a DELETE that announces a body."""
    upstream.default = Step(answer(200, b""))
    said = [] if length is None else [f"Content-Length: {length}"]
    lines = [f"{method} /v3/x HTTP/1.1", "Host: a", "Connection: close", *said, "", ""]
    host, _, port = (stack.running.proxy or "").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    writer.write("\r\n".join(lines).encode())
    await asyncio.wait_for(reader.read(), 10)

    writer.close()
    (asked,) = upstream.requests
    assert asked.all("Content-Length") == ([] if length is None else [length])
