"""Responses to requests that the HTTP parser refuses; they repeat none of its bytes."""

from typing import Final

import orjson
from aiohttp import web
from aiohttp.http_exceptions import BadStatusLine, InvalidURLError, LineTooLong

from gateway.core.problems import CONTENT_TYPE
from gateway.forwarding.limits import REQUEST_FIELD, REQUEST_FIELDS

_TOO_MANY: Final = "Too many headers"  # the start of the parser's own message
_PLAIN: Final = orjson.dumps(
    {"type": "about:blank", "title": "Bad Request", "status": 400}
)


def reason(error: BaseException | None) -> str:
    """Return which limit or rule a request breaks, without any of its bytes."""
    if isinstance(error, LineTooLong):
        return f"the request target or a header field is over {REQUEST_FIELD} bytes"
    if str(getattr(error, "message", "")).startswith(_TOO_MANY):
        return f"the request has more than {REQUEST_FIELDS} header fields"
    if isinstance(error, BadStatusLine | InvalidURLError):
        return "the request line is malformed"
    return "the request is not well-formed HTTP"


def plain_refusal(_: BaseException | None) -> web.Response:
    """Return a problem with nothing but its status."""
    return web.Response(status=400, body=_PLAIN, headers={"Content-Type": CONTENT_TYPE})
