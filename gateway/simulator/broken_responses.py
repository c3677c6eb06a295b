"""Sends responses, whole or broken as a fault says."""

import asyncio
import socket
import struct

from aiohttp import web

from gateway.simulator.faults import Fault
from gateway.simulator.journal import Entry
from gateway.simulator.response import Reply, problem

_HTML = b"<html><body><h1>Something went wrong</h1></body></html>"
_CODES = {429: "rate_limit_exceeded", 500: "internal_error"}
_401 = frozenset({"token_expired", "invalid_token", "missing_token"})
_LOOK = 0.02  # s between two looks at a connection that hangs


def duration(fault: Fault) -> float:
    """Return how long a fault takes, s."""
    return 1.0 if fault.seconds is None else fault.seconds


def refuse_before(fault: Fault) -> Reply | None:
    """Return the response of a fault before the request is executed; None: go on."""
    if fault.processed and fault.kind in {"status", "hang"}:
        return None
    if fault.kind == "status":
        return status_answer(fault)
    if fault.kind in _401:
        return problem(401, fault.kind, "simulated")
    simple = {
        "unauthorized": Reply(401),
        "redirect": Reply(fault.status or 302, headers={"Location": fault.location}),
        "empty_200": Reply(200),
        "reset_before": Reply(0),
        "hang": Reply(0),
    }
    return simple.get(fault.kind)


def status_answer(fault: Fault) -> Reply:
    """Return what a `status` fault answers, whatever was executed."""
    status = fault.status or 500
    if fault.body == "html":
        return Reply(status, _HTML, {"Content-Type": "text/html"})
    if fault.body == "empty":
        return Reply(status)
    return problem(status, _CODES.get(status, "simulated"))


async def send(
    request: web.Request, reply: Reply, fault: Fault | None, entry: Entry
) -> web.StreamResponse:
    """Send a response, broken as the fault says."""
    if fault is not None:
        reply.headers.update(fault.headers)
        broken = await _break(request, reply, fault)
        if broken is not None:
            if fault.kind not in {"reset_before", "reset_after", "hang"}:
                entry.status = reply.status
            return broken
    entry.status = reply.status
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


async def _break(
    request: web.Request, reply: Reply, fault: Fault
) -> web.StreamResponse | None:
    """Answer as a fault says; None: the response goes out well framed."""
    match fault.kind:
        case "reset_before" | "reset_after":
            return _reset(request)
        case "hang":
            await _hang(request, fault.seconds)
            return _reset(request)
        case "malformed_http":
            return _raw(request, b"HTP/1.1 two hundred\r\n\r\n")
        case "cut_body":
            return _raw(request, _cut(reply, chunked=fault.chunked))
        case "slow_body":
            return await _slow(request, reply, duration(fault))
        case "malformed_json":
            reply.body = reply.body[: len(reply.body) // 2]
    return None


async def _hang(request: web.Request, seconds: float | None) -> None:
    """Say nothing for so long, or until the other side hangs up."""
    if seconds is not None:
        await asyncio.sleep(seconds)  # noqa: TID251 - a fault takes real time
        return
    while not _gone(request):  # noqa: ASYNC110 - see below
        # aiohttp tells a handler of a hang-up only by cancelling it, and then also
        # in the middle of a `latency`, where Dinie would go on.
        await asyncio.sleep(_LOOK)  # noqa: TID251 - a fault takes real time


def _gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _reset(request: web.Request) -> web.StreamResponse:
    """Drop the connection with a RST."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    return web.Response()


def _raw(request: web.Request, data: bytes) -> web.StreamResponse:
    """Send bytes as they are, then close."""
    transport = request.transport
    if transport is not None:
        transport.write(data)
        transport.close()
    return web.Response()


def _cut(reply: Reply, *, chunked: bool) -> bytes:
    """Return a response that ends before its end."""
    head = [f"HTTP/1.1 {reply.status} OK"]
    head += [f"{name}: {value}" for name, value in reply.headers.items()]
    half = reply.body[: len(reply.body) // 2]
    if chunked:
        head.append("Transfer-Encoding: chunked")
        # Ten bytes more than there are: a body of none is cut as well.
        rest = f"{len(reply.body) + 10:x}\r\n".encode() + half
    else:
        head.append(f"Content-Length: {len(reply.body) + 10}")
        rest = half
    return "\r\n".join([*head, "", ""]).encode() + rest


async def _slow(
    request: web.Request, reply: Reply, seconds: float
) -> web.StreamResponse:
    """Send half of the body, wait, and send the rest."""
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    if reply.body:
        response.content_length = len(reply.body)
    await response.prepare(request)
    half = len(reply.body) // 2
    await response.write(reply.body[:half])
    await asyncio.sleep(seconds)  # noqa: TID251 - a fault takes real time
    await response.write(reply.body[half:])
    await response.write_eof()
    return response
