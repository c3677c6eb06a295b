"""Reads a request of the API: its route, its headers and what its body holds."""

from collections.abc import Collection
from dataclasses import dataclass

from aiohttp import web

from gateway.core.dinie_routes import UPLOAD_ROUTES
from gateway.simulator.api.bodies import read_json, read_parts
from gateway.simulator.api.routes import Call

PREFIXES = ("/api/v3", "/v3", "")  # the longest first: one is the end of another


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request, as it arrived."""

    method: str
    path: str  # without prefix, as it was encoded
    query: str
    headers: dict[str, str]  # lower-case names
    body: bytes
    route: str  # the template; empty where no operation has this path and method
    allowed: Collection[str]  # methods of a path that does not have this one
    identifier: str  # what the template's `{id}` stands for


def read_request(request: web.Request, body: bytes) -> ApiRequest:
    """Return a request as the API sees it; its body was read before."""
    raw, _, query = request.raw_path.partition("?")
    found = request.match_info
    resource, missed = found.route.resource, found.http_exception
    return ApiRequest(
        request.method,
        _without_prefix(raw),
        query,
        {name.lower(): value for name, value in request.headers.items()},
        body,
        "" if resource is None else _without_prefix(resource.canonical),
        getattr(missed, "allowed_methods", ()),
        found.get("id", ""),
    )


def _without_prefix(path: str) -> str:
    for prefix in PREFIXES:
        if path == prefix or path.startswith(f"{prefix}/"):
            return path[len(prefix) :] or "/"
    return path


def call_of(asked: ApiRequest, customer_id: str | None) -> Call:
    """Return what an authorised request asks for.

    Args:
        asked: The request.
        customer_id: Of a session token; None for the partner's own token.

    Raises:
        Refusal: the body is none that its route takes.
    """
    call = Call(query=asked.query, customer_id=customer_id)
    content_type = asked.headers.get("content-type", "")
    if asked.method == "POST" and asked.route in UPLOAD_ROUTES:
        call.parts = read_parts(content_type, asked.body)
    elif asked.method in {"POST", "PATCH", "PUT"}:
        call.content = read_json(content_type, asked.body)
    return call
