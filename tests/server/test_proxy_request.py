"""ProxyRequest: which requests are taken at all, and when their connection ends."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import HttpVersion, HttpVersion10, HttpVersion11
from aiohttp.test_utils import make_mocked_request

from gateway.core.errors import BadRequest
from gateway.server.proxy_request import ProxyRequest, check_form

HOST = {"Host": "a"}


def asked(
    headers: dict[str, str], version: HttpVersion = HttpVersion11, **head: bool
) -> ProxyRequest:
    made = make_mocked_request("GET", "/", headers, version=version)
    flags = {"upgrade": False, "chunked": False, "should_close": False, **head}
    return cast(
        "ProxyRequest",
        SimpleNamespace(
            head=SimpleNamespace(**flags), version=version, headers=made.headers
        ),
    )


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(asked(HOST), id="ordinary"),
        pytest.param(asked({}, HttpVersion10), id="1.0-without-host"),
        pytest.param(
            asked({**HOST, "Transfer-Encoding": "Chunked"}, chunked=True), id="chunked"
        ),
        pytest.param(asked({**HOST, "Upgrade": "h2c"}, upgrade=True), id="h2c-offer"),
    ],
)
def test_what_every_server_reads_alike_is_taken(request_: ProxyRequest) -> None:
    """Offers and old versions are no attack."""
    check_form(request_)

    assert request_.version <= HttpVersion11


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        pytest.param(asked(HOST, HttpVersion(2, 0)), "speaks HTTP/1.1", id="2.0"),
        pytest.param(asked({}), "asks for a Host", id="no-host"),
        pytest.param(
            asked({**HOST, "Upgrade": "WebSocket"}, upgrade=True),
            "upgrade",
            id="websocket",
        ),
        pytest.param(
            asked({**HOST, "Transfer-Encoding": "gzip, chunked"}, chunked=True),
            "only transfer coding",
            id="gzip-chunked",
        ),
    ],
)
def test_what_could_end_elsewhere_is_refused(request_: ProxyRequest, why: str) -> None:
    """Two servers that disagree about an end are how requests are smuggled."""
    with pytest.raises(BadRequest, match=why):
        check_form(request_)


@pytest.mark.parametrize(
    ("state", "goes_on"),
    [
        pytest.param({}, True, id="ordinary"),
        pytest.param({"should_close": True}, False, id="asked-to-close"),
        pytest.param({"chunked": True}, False, id="chunks"),
        pytest.param({"last": True}, False, id="draining"),
    ],
)
def test_a_connection_goes_on_only_where_it_is_clean(
    state: dict[str, Any], *, goes_on: bool
) -> None:
    """A trailer would become a header of the next caller's request."""
    head = {"should_close": False, "chunked": False} | state
    made = SimpleNamespace(head=SimpleNamespace(**head), last=head.get("last", False))

    assert ProxyRequest.keep_alive.__get__(made) is goes_on
