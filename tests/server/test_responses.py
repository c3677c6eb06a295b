"""Answers: what is said about the gateway, and what of Dinie's goes on."""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from multidict import CIMultiDict

from gateway.core.errors import CallerUnknown, GatewayError, Overloaded
from gateway.core.exchange import Exchange
from gateway.core.upstream_response import UpstreamResponse
from gateway.server.responses import (
    Relayed,
    mark,
    problem,
    relayed_head,
    relayed_whole,
)
from tests.exchanges import new_exchange


def exchange(method: str = "POST", **fields: Any) -> Exchange:
    return new_exchange("id-1", method, "/loans", 0.0, **fields)


def marked(made: Exchange, **given: str) -> "CIMultiDict[str]":
    headers = CIMultiDict(given)
    mark(headers, made, echoed="theirs", environment="sandbox", took=1.0)
    return headers


def answered(
    status: int, reason: str | None = "Said", **headers: str
) -> UpstreamResponse:
    return UpstreamResponse(status, CIMultiDict(headers), reason=reason)


def test_every_answer_says_which_gateway_gave_it() -> None:
    """Support finds the request without asking."""
    made = exchange(key="k", note="budget", sends=3, retry_after=1.2)
    waits = made.history.waits
    waits.queue, waits.permit, waits.upstream = 0.1, 0.1, 0.5

    headers = marked(made)

    assert dict(headers) == {
        "X-Gateway-Request-Id": "id-1",
        "X-Request-Id": "theirs",
        "Idempotency-Key": "k",
        "X-Gateway-Retry": "budget",
        "Retry-After": "2",
        "X-Gateway-Attempts": "3",
        "X-Gateway-Environment": "sandbox",
        "Server-Timing": (
            "queue;dur=200.0, token;dur=0.0, upstream;dur=500.0, "
            "backoff;dur=0.0, gateway;dur=300.0"
        ),
    }


def test_what_dinie_said_itself_is_kept() -> None:
    """Its request id is the one that its support knows."""
    given = {"X-Request-Id": "dinie", "Retry-After": "9", "Server-Timing": "db;dur=1"}

    headers = marked(exchange(retry_after=1.0), **given)

    assert headers.getall("X-Request-Id") == ["dinie"]
    assert headers.getall("Retry-After") == ["9"]
    assert headers.getall("Server-Timing")[0] == "db;dur=1"
    assert "Idempotency-Key" not in headers


@pytest.mark.parametrize(
    ("status", "reason", "shown"),
    [
        pytest.param(200, "All Fine", "All Fine", id="its-own"),
        pytest.param(404, "N\x00t", "Not Found", id="control"),
        pytest.param(404, "Não", "Not Found", id="not-ascii"),
        pytest.param(599, "", "", id="unknown"),
    ],
)
def test_a_reason_goes_on_where_it_can(status: int, reason: str, shown: str) -> None:
    """Nothing breaks our status line."""
    assert relayed_head(exchange(), answered(status, reason))[1] == shown


def test_no_content_type_is_invented() -> None:
    """An answer without one is relayed without one."""
    made = exchange()

    relayed_head(made, answered(200))

    assert made.history.untyped


@pytest.mark.parametrize(
    ("method", "status", "kept"),
    [("GET", 200, False), ("HEAD", 200, True), ("GET", 304, True)],
)
def test_a_length_without_a_body_is_kept(method: str, status: int, kept: bool) -> None:
    """A HEAD's answer tells the size of what it leaves out."""
    made = exchange(method)

    response = relayed_whole(made, answered(status, **{"Content-Length": "7"}))

    assert (response.headers.get("Content-Length") == "7") is kept


@pytest.mark.parametrize("force", [False, True], ids=["free", "forced-close"])
@pytest.mark.parametrize("asked", ["", "keep-alive", "close"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_whole_answer_is_framed_as_aiohttp_frames_it(
    version: str, asked: str, *, force: bool
) -> None:
    """It goes a shorter way; a caller must not see the difference."""
    kinds: list[type[web.Response]] = [Relayed, web.Response]
    said = []

    async def handler(_: web.BaseRequest) -> web.Response:
        response = kinds[0](body=b"{}", content_type="application/json")
        if force:
            response.force_close()
        return response

    while kinds:
        async with RawTestServer(handler) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            head = f"GET / HTTP/{version}\r\nHost: a\r\n"
            head += f"Connection: {asked}\r\n" if asked else ""
            writer.write(head.encode() + b"\r\n")
            answer = await reader.readuntil(b"{}")
            writer.close()
        lines = answer.decode().split("\r\n")
        said.append(sorted(x for x in lines if x[:5] not in {"Serve", "Date:"}))
        kinds.pop(0)

    assert said[0] == said[1]


async def test_nothing_is_invented_for_a_whole_answer() -> None:
    """Dinie said neither a type nor a server."""

    async def handler(_: web.BaseRequest) -> web.Response:
        return Relayed(body=b"{}")

    async with RawTestServer(handler) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = await reader.readuntil(b"{}")
        writer.close()

    lines = [line for line in answer.split(b"\r\n") if not line.startswith(b"Date:")]
    assert lines == [b"HTTP/1.1 200 OK", b"Content-Length: 2", b"", b"{}"]


async def test_a_connection_does_not_keep_the_body_that_it_sent() -> None:
    """A thousand idle callers would keep a gigabyte of old responses."""
    kept = []

    async def handler(_: web.BaseRequest) -> web.Response:
        kept.append(Relayed(body=b"{}"))
        return kept[-1]

    async with RawTestServer(handler) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"{}")
        bodies = [response.body for response in kept]
        writer.close()

    assert bodies == [None]


@pytest.mark.parametrize(
    ("error", "kept"), [(CallerUnknown, False), (Overloaded, None)]
)
def test_a_stranger_keeps_no_connection(
    error: type[GatewayError], kept: bool | None
) -> None:
    """Each holds a descriptor for as long as an idle caller may."""
    response = problem(error("no"), new_exchange("r", "GET", "/", 0.0), None)

    assert response.keep_alive is kept
