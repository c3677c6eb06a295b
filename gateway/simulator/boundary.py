"""Reads requests and renders what goes wrong outside the routes, in Dinie's shape."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import ClientPayloadError, web

from gateway.simulator.response import Refusal, problem

LARGEST: Final = 26 * 1024 * 1024  # bytes of a body
_CODES: Final = {404: "not_found", 405: "method_not_allowed"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def read_body(request: web.Request) -> tuple[bytes, Refusal | None]:
    """Return a request's body, decompressed; or why it cannot be read."""
    try:
        return await request.read(), None
    except web.HTTPRequestEntityTooLarge:
        return b"", Refusal(413, "payload_too_large", f"up to {LARGEST} bytes")
    except (web.RequestPayloadError, ClientPayloadError):
        return b"", Refusal(400, "malformed_body", "the body cannot be decoded")


@web.middleware
async def as_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Render what no route answered as Dinie would: never as text."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        code = _CODES.get(error.status, "invalid_request")
        reply = problem(error.status, code)
        if "Allow" in error.headers:
            reply.headers["Allow"] = error.headers["Allow"]
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)
