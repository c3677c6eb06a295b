"""What does the simulated Dinie answer with?"""

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
    422: ("validation-failed", "Validation Failed"),
    429: ("rate-limit-exceeded", "Too Many Requests"),
    500: ("internal", "Internal Server Error"),
    502: ("bad-gateway", "Bad Gateway"),
    503: ("unavailable", "Service Unavailable"),
    504: ("gateway-timeout", "Gateway Timeout"),
}


@dataclass(slots=True)
class Answer:
    """Status, body and headers, before they go on the wire."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """An answer of the 4xx and 5xx kind, raised from anywhere."""

    def __init__(
        self, status: int, code: str, detail: str = "", *, param: str | None = None
    ) -> None:
        super().__init__(code)
        self.answer = problem(status, code, detail, param=param)


def problem(
    status: int, code: str, detail: str = "", *, param: str | None = None
) -> Answer:
    """Return an error in Dinie's shape (RFC 9457)."""
    slug, title = _TITLES.get(status, ("error", "Error"))
    body: dict[str, Any] = {
        "type": f"https://api.dinie.com.br/errors/{slug}",
        "title": title,
        "status": status,
        "detail": detail or title,
        "code": code,
    }
    if param is not None:
        body["errors"] = [{"param": param, "detail": detail or title, "code": code}]
    return Answer(
        status, orjson.dumps(body), {"Content-Type": "application/problem+json"}
    )


def ok(content: Any, status: int = 200) -> Answer:
    """Return a JSON answer."""
    return Answer(status, orjson.dumps(content), {"Content-Type": "application/json"})
