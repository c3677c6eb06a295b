"""What happened to one request? For whoever has its id from an answer or a log."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[Mapping[str, Any]]]


def explain_routes(
    tell: Callable[[str], Mapping[str, Any] | None],
) -> list[tuple[str, str, Answer]]:
    """Return method, path and handler; `tell` returns None for an unknown id."""

    async def explained(request: web.Request) -> Mapping[str, Any]:
        told = tell(request.match_info["request_id"])
        if told is None:
            raise web.HTTPNotFound
        return told

    return [("GET", "/explain/{request_id}", explained)]
