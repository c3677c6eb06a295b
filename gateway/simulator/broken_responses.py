"""How does an answer go out, whole or broken?"""

import asyncio
import socket
import struct

from aiohttp import web

from gateway.simulator.faults import Fault
from gateway.simulator.journal import Entry
from gateway.simulator.response import Answer, problem

_HTML = b"<html><body><h1>Something went wrong</h1></body></html>"
_CODES = {429: "rate_limit_exceeded", 500: "internal_error"}
_401 = frozenset({"token_expired", "invalid_token", "missing_token"})
_LOOK = 0.02  # s between two looks at a connection that hangs


def duration(fault: Fault) -> float:
    """Return how long a fault takes, s."""
    return 1.0 if fault.seconds is None else fault.seconds


def refuse_before(fault: Fault) -> Answer | None:
    """Return the answer of a fault that leaves the request unexecuted; None: go on."""
    if fault.processed and fault.kind in {"status", "hang"}:
        return None
    if fault.kind == "status":
        return status_answer(fault)
    if fault.kind in _401:
        return problem(401, fault.kind, "simulated")
    simple = {
        "unauthorized": Answer(401),
        "redirect": Answer(fault.status or 302, headers={"Location": fault.location}),
        "empty_200": Answer(200),
        "reset_before": Answer(0),
        "hang": Answer(0),
    }
    return simple.get(fault.kind)


def status_answer(fault: Fault) -> Answer:
    """Return what a `status` fault answers, whatever was executed."""
    status = fault.status or 500
    if fault.body == "html":
        return Answer(status, _HTML, {"Content-Type": "text/html"})
    if fault.body == "empty":
        return Answer(status)
    return problem(status, _CODES.get(status, "simulated"))


async def send(
    request: web.Request, answer: Answer, fault: Fault | None, entry: Entry
) -> web.StreamResponse:
    """Send an answer, broken as the fault says."""
    if fault is not None:
        answer.headers.update(fault.headers)
        broken = await _break(request, answer, fault)
        if broken is not None:
            if fault.kind not in {"reset_before", "reset_after", "hang"}:
                entry.status = answer.status
            return broken
    entry.status = answer.status
    return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


async def _break(
    request: web.Request, answer: Answer, fault: Fault
) -> web.StreamResponse | None:
    """Answer as a fault says; None: the answer goes out well framed."""
    match fault.kind:
        case "reset_before" | "reset_after":
            return _reset(request)
        case "hang":
            await _hang(request, fault.seconds)
            return _reset(request)
        case "malformed_http":
            return _raw(request, b"HTP/1.1 two hundred\r\n\r\n")
        case "cut_body":
            return _raw(request, _cut(answer, chunked=fault.chunked))
        case "slow_body":
            return await _slow(request, answer, duration(fault))
        case "malformed_json":
            answer.body = answer.body[: len(answer.body) // 2]
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


def _cut(answer: Answer, *, chunked: bool) -> bytes:
    """Return an answer that ends before its end."""
    head = [f"HTTP/1.1 {answer.status} OK"]
    head += [f"{name}: {value}" for name, value in answer.headers.items()]
    half = answer.body[: len(answer.body) // 2]
    if chunked:
        head.append("Transfer-Encoding: chunked")
        # Ten bytes more than there are: a body of none is cut as well.
        rest = f"{len(answer.body) + 10:x}\r\n".encode() + half
    else:
        head.append(f"Content-Length: {len(answer.body) + 10}")
        rest = half
    return "\r\n".join([*head, "", ""]).encode() + rest


async def _slow(
    request: web.Request, answer: Answer, seconds: float
) -> web.StreamResponse:
    """Send half of the body, wait, and send the rest."""
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    if answer.body:
        response.content_length = len(answer.body)
    await response.prepare(request)
    half = len(answer.body) // 2
    await response.write(answer.body[:half])
    await asyncio.sleep(seconds)  # noqa: TID251 - a fault takes real time
    await response.write(answer.body[half:])
    await response.write_eof()
    return response
