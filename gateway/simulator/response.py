"""Builds responses and problems in the shape of Dinie's."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

_TITLES = {
    400: ("invalid-request", "Invalid Request"),
    401: ("authentication-failed", "Unauthorized"),
    403: ("forbidden", "Forbidden"),
    404: ("not-found", "Not Found"),
    405: ("method-not-allowed", "Method Not Allowed"),
    408: ("timeout", "Request Timeout"),
    409: ("conflict", "Conflict"),
    410: ("gone", "Gone"),
    413: ("payload-too-large", "Payload Too Large"),
    422: ("validation-failed", "Validation Failed"),
    429: ("rate-limit-exceeded", "Too Many Requests"),
    500: ("internal", "Internal Server Error"),
    502: ("bad-gateway", "Bad Gateway"),
    503: ("unavailable", "Service Unavailable"),
    504: ("gateway-timeout", "Gateway Timeout"),
}
_TYPES = b"https://api.dinie.com.br/errors/"


@dataclass(slots=True)
class Reply:
    """Status, body and headers, before they go on the wire."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - a response, not a fault
    """A response of the 4xx and 5xx kind, raised from anywhere."""

    def __init__(
        self, status: int, code: str, detail: str = "", *, param: str | None = None
    ) -> None:
        super().__init__(code)
        self.reply = problem(status, code, detail, param=param)


def not_allowed(methods: Iterable[str]) -> Refusal:
    """Return the refusal of a method that a path does not have."""
    refusal = Refusal(405, "method_not_allowed", "no such operation")
    refusal.reply.headers["Allow"] = ", ".join(sorted(methods))
    return refusal


def required(content: dict[str, Any], *names: str) -> None:
    """Check that fields are there.

    Raises:
        Refusal: 422, naming the first that is missing.
    """
    for name in names:
        if content.get(name) in (None, ""):  # a tuple: it may be unhashable
            raise Refusal(422, "missing_required_field", "is needed", param=name)


def problem(
    status: int, code: str, detail: str = "", *, param: str | None = None
) -> Reply:
    """Return an error in Dinie's shape (RFC 9457)."""
    slug, title = _TITLES.get(status, ("error", "Error"))
    body: dict[str, Any] = {
        "type": f"{_TYPES.decode()}{slug}",
        "title": title,
        "status": status,
        "detail": detail or title,
        "code": code,
    }
    if param is not None:
        body["errors"] = [{"param": param, "detail": detail or title, "code": code}]
    return Reply(
        status, orjson.dumps(body), {"Content-Type": "application/problem+json"}
    )


def ok(content: Any, status: int = 200) -> Reply:
    """Return a JSON reply."""
    return Reply(status, orjson.dumps(content), {"Content-Type": "application/json"})


def in_sdk_style(reply: Reply) -> Reply:
    """Return a problem with the type that the SDKs know, anything else as it is."""
    if reply.headers.get("Content-Type") != "application/problem+json":
        return reply
    body = reply.body.replace(_TYPES, b"https://docs.dinie.com/errors/", 1)
    return Reply(reply.status, body, reply.headers)
