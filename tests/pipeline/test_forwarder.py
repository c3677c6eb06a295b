"""The forwarder: what is sent to Dinie, and where."""

import asyncio

import pytest

from gateway.pipeline.forwarder import Base
from tests.inprocess import Stack
from tests.upstreams import ScriptedUpstream, Step, answer


@pytest.mark.parametrize(
    ("base_url", "target", "sent"),
    [
        pytest.param("https://h/v3", "/customers", "/v3/customers", id="plain"),
        pytest.param("https://h/v3", "", "/v3", id="the-base-itself"),
        pytest.param("https://h/v3", "/x?", "/v3/x?", id="empty-query"),
        pytest.param("https://h/v3", "/a%2Fb%3A", "/v3/a%2Fb%3A", id="encoded"),
        pytest.param("https://h/v3", "//evil/x", "/v3//evil/x", id="inner-slashes"),
        pytest.param("https://h", "//evil/x", "//evil/x", id="no-base-path"),
        pytest.param("https://h/v3", "/@evil", "/v3/@evil", id="userinfo-like"),
        pytest.param("https://h/v3", "?a=http://evil/", "/v3?a=http://evil/", id="url"),
    ],
)
def test_a_target_is_appended_and_the_host_never_changes(
    base_url: str, target: str, sent: str
) -> None:
    """A URL join would hand the token to whoever stands in the path."""
    url = Base.of(base_url).url(target)

    assert (url.scheme, url.host, url.raw_path_qs) == ("https", "h", sent)


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
