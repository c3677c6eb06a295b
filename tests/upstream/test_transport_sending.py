"""TransportStage: what goes out, and what is not added or kept on the way."""

import gzip

from tests.upstream.client import Client
from tests.upstreams import ScriptedUpstream, Step, answer


async def test_no_header_is_invented(
    client: Client, upstream: ScriptedUpstream
) -> None:
    """An Accept-Encoding that the caller did not send gets it bytes it cannot read."""
    sent = [("X-A", "1"), ("x-a", "2"), ("Content-Type", "text/x")]
    exchange = client.exchange("POST", outbound=sent)

    await client.send(exchange, b"abc")

    (asked,) = upstream.requests
    assert [(name.decode(), value.decode()) for name, value in asked.headers] == [
        ("Host", f"127.0.0.1:{upstream.port}"),
        ("Content-Length", "3"),
        *sent,
    ]


async def test_a_compressed_answer_stays_compressed(
    client: Client, upstream: ScriptedUpstream
) -> None:
    """Bodies pass as they are, and their headers then still fit."""
    body = gzip.compress(b"{}")
    upstream.default = Step(answer(200, body, [("Content-Encoding", "gzip")]))
    exchange = client.exchange()

    response = await client.send(exchange)

    assert response.body == body


async def test_cookies_are_not_kept(client: Client, upstream: ScriptedUpstream) -> None:
    """One caller's session must not reach another."""
    upstream.default = Step(answer(200, b"", [("Set-Cookie", "a=b; Path=/")]))
    await client.send(client.exchange())

    await client.send(client.exchange())

    assert [asked.all("Cookie") for asked in upstream.requests] == [[], []]


async def test_a_redirect_is_an_answer(
    client: Client, upstream: ScriptedUpstream
) -> None:
    """Following it would carry our token to wherever it points."""
    upstream.default = Step(answer(307, b"", [("Location", "/v3/elsewhere")]))

    response = await client.send(client.exchange())

    assert (response.status, len(upstream.requests)) == (307, 1)
