"""How does an answer go out, whole or broken?"""

import asyncio
import socket
import struct

from aiohttp import web

from gateway.simulator.answer import Answer, problem
from gateway.simulator.faults import Fault
from gateway.simulator.journal import Entry

_HTML = b"<html><body><h1>Something went wrong</h1></body></html>"
_CODES = {429: "rate_limit_exceeded", 500: "internal_error"}
_401 = {
    "token_expired": "token_expired",
    "invalid_token": "invalid_token",
    "missing_token": "missing_token",
}


def refuse_before(fault: Fault) -> Answer | None:
    """Return the answer of a fault that leaves the request unexecuted; None: go on."""
    if fault.kind == "status":
        return _status(fault)
    if fault.kind in _401:
        return problem(401, _401[fault.kind], "simulated")
    if fault.kind == "hang" and not fault.processed:
        return Answer(0)
    simple = {
        "unauthorized": Answer(401),
        "redirect": Answer(302, headers={"Location": fault.location}),
        "empty_200": Answer(200),
        "reset_before": Answer(0),
    }
    return simple.get(fault.kind)


def _status(fault: Fault) -> Answer:
    if fault.body == "html":
        answer = Answer(fault.status, _HTML, {"Content-Type": "text/html"})
    elif fault.body == "empty":
        answer = Answer(fault.status)
    else:
        answer = problem(fault.status, _CODES.get(fault.status, "simulated"))
    answer.headers.update(fault.headers)
    return answer


async def send(
    request: web.Request, answer: Answer, fault: Fault | None, entry: Entry
) -> web.StreamResponse:
    """Send an answer, broken as the fault says."""
    kind = fault.kind if fault is not None else ""
    if kind in {"reset_before", "reset_after"}:
        return _reset(request)
    if kind == "hang" and fault is not None:
        await asyncio.sleep(fault.seconds)  # noqa: TID251 - a fault takes real time
        return _reset(request)
    entry.status = answer.status
    if kind == "malformed_http":
        return _raw(request, b"HTP/1.1 two hundred\r\n\r\n")
    if kind == "malformed_json":
        answer.body = answer.body[: len(answer.body) // 2]
    if kind == "cut_body" and fault is not None:
        return _raw(request, _cut(answer, chunked=fault.chunked))
    if kind == "slow_body" and fault is not None:
        return await _slow(request, answer, fault.seconds)
    return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


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
    half = answer.body[: max(1, len(answer.body) // 2)]
    if chunked:
        head.append("Transfer-Encoding: chunked")
        rest = f"{len(answer.body):x}\r\n".encode() + half
    else:
        head.append(f"Content-Length: {len(answer.body) + 10}")
        rest = half
    return "\r\n".join([*head, "", ""]).encode() + rest


async def _slow(
    request: web.Request, answer: Answer, seconds: float
) -> web.StreamResponse:
    """Send half of the body, wait, and send the rest."""
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    half = len(answer.body) // 2
    await response.write(answer.body[:half])
    await asyncio.sleep(seconds)  # noqa: TID251 - a fault takes real time
    await response.write(answer.body[half:])
    await response.write_eof()
    return response
