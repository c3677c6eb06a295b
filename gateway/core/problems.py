"""Renders errors as problems (RFC 9457), from the only table of them. Pure.

Each row has the RFC 9209 proxy error type too, which is sent in `Proxy-Status`.
"""

import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import orjson

from gateway.core import errors
from gateway.core.errors import GatewayError

CONTENT_TYPE: Final = "application/problem+json"
URN: Final = "urn:dinie-gateway:problem:"


@dataclass(frozen=True, slots=True)
class Problem:
    """One row: what a caller sees, and the RFC 9209 error name."""

    slug: str
    status: int
    title: str
    proxy_error: str


CATALOGUE: Final[dict[type[GatewayError], Problem]] = {
    errors.BadRequest: Problem(
        "bad-request", 400, "The request cannot be relayed", "http_request_error"
    ),
    errors.CallerUnknown: Problem(
        "caller-unknown", 401, "The caller is not known here", "http_request_denied"
    ),
    errors.RouteForbidden: Problem(
        "route-forbidden", 403, "The route is denied here", "http_request_denied"
    ),
    errors.OriginForbidden: Problem(
        "origin-forbidden",
        403,
        "No web page is served here",
        "http_request_denied",
    ),
    errors.MethodNotAllowed: Problem(
        "method-not-allowed", 405, "The method is not relayed", "http_request_denied"
    ),
    errors.RequestTooLarge: Problem(
        "request-too-large", 413, "The body is too large", "http_request_denied"
    ),
    errors.IdempotencyKeyReused: Problem(
        "idempotency-key-reused",
        422,
        "The idempotency key belongs to another request",
        "http_request_denied",
    ),
    errors.IdempotencyExpired: Problem(
        "idempotency-expired",
        409,
        "Dinie has forgotten the idempotency key",
        "http_request_denied",
    ),
    errors.RateLimited: Problem(
        "rate-limited", 429, "The quota at Dinie is spent", "http_request_denied"
    ),
    errors.UpstreamAuthFailed: Problem(
        "upstream-auth-failed",
        502,
        "Dinie refuses the gateway's credential",
        "http_protocol_error",
    ),
    errors.UpstreamUnreachable: Problem(
        "upstream-unreachable", 502, "Dinie cannot be reached", "connection_refused"
    ),
    errors.UpstreamProtocol: Problem(
        "upstream-protocol",
        502,
        "Dinie's response is cut or malformed",
        "http_response_incomplete",
    ),
    errors.OutcomeUnknown: Problem(
        "outcome-unknown",
        504,
        "The request may have taken effect",
        "http_response_timeout",
    ),
    errors.UpstreamTimeout: Problem(
        "upstream-timeout",
        504,
        "Dinie did not respond in time",
        "http_response_timeout",
    ),
    errors.CredentialsUnavailable: Problem(
        "credentials-unavailable",
        503,
        "No token can be had now",
        "proxy_internal_error",
    ),
    errors.CircuitOpen: Problem(
        "circuit-open",
        503,
        "Dinie is failing; the circuit is open",
        "destination_unavailable",
    ),
    errors.Overloaded: Problem(
        "overloaded",
        503,
        "The gateway has no room for this request",
        "connection_limit_reached",
    ),
    errors.Draining: Problem(
        "draining", 503, "The gateway is stopping", "proxy_internal_error"
    ),
}


def retry_after_seconds(seconds: float) -> str:
    """Return a wait as a `Retry-After`: whole seconds, rounded up, at least 1."""
    return str(max(1, math.ceil(seconds)))


def render(error: GatewayError, *, instance: str) -> tuple[int, bytes, dict[str, str]]:
    """Return status, body and headers of a problem; `instance` is the request id."""
    problem = CATALOGUE[type(error)]
    body = orjson.dumps(
        {
            "type": URN + problem.slug,
            "title": problem.title,
            "status": problem.status,
            "detail": error.detail,
            "instance": instance,
            "code": "gateway_" + problem.slug.replace("-", "_"),
        }
    )
    headers = {
        "Content-Type": CONTENT_TYPE,
        "X-Gateway-Error": problem.slug,
        "Proxy-Status": f"dinie-gateway; error={problem.proxy_error}",
    }
    if isinstance(error, errors.MethodNotAllowed) and error.allowed:
        headers["Allow"] = ", ".join(error.allowed)  # RFC 9110 15.5.6
    if error.retry_after is not None:
        headers["Retry-After"] = retry_after_seconds(error.retry_after)
    return problem.status, body, headers


def render_unknown(*, instance: str) -> tuple[int, bytes, dict[str, str]]:
    """Return the response to an error outside the table: it reveals nothing."""
    body = orjson.dumps(
        {
            "type": "about:blank",
            "title": HTTPStatus.INTERNAL_SERVER_ERROR.phrase,
            "status": 500,
            "instance": instance,
        }
    )
    headers = {
        "Content-Type": CONTENT_TYPE,
        "Proxy-Status": "dinie-gateway; error=proxy_internal_error",
    }
    return 500, body, headers
