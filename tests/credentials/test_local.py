"""local: what an SDK gets that asks the gateway for a token."""

from typing import cast

import orjson
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from gateway.context import EXCHANGE
from gateway.credentials.local import LocalTokenStage, local_grant
from gateway.credentials.policy import classify_bearer
from gateway.errors import BadRequest
from gateway.message import Body, Exchange

FORM = "application/x-www-form-urlencoded"
JSON = "application/json; charset=utf-8"


def abc() -> str:
    return "abc"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param(FORM, b"grant_type=client_credentials&scope=x", id="form"),
        pytest.param(FORM, b"", id="empty-form"),
        pytest.param(FORM, b"client_id=a&client_secret=b", id="no-grant-type"),
        pytest.param(JSON, b'{"grant_type":"client_credentials"}', id="json"),
        pytest.param(JSON, b"", id="empty-json"),
        pytest.param(JSON, b"{}", id="json-no-grant-type"),
        pytest.param(JSON, b"[]", id="json-list"),
        pytest.param("", b"", id="nothing"),
    ],
)
def test_both_dialects_get_a_token(content_type: str, body: bytes) -> None:
    """An official SDK works with dummy credentials and another base URL."""
    granted = orjson.loads(local_grant(content_type, body, random_hex=abc))

    assert granted == {
        "access_token": "gw_abc",
        "token_type": "bearer",
        "expires_in": 3600,
    }
    assert classify_bearer(f"Bearer {granted['access_token']}") == "replace"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param(FORM, b"grant_type=password", id="form"),
        pytest.param(FORM, b"a=1&" * 30, id="too-many-fields"),
        pytest.param(JSON, b'{"grant_type":"password"}', id="json"),
        pytest.param(JSON, b'{"grant_type":["client_credentials"]}', id="list"),
        pytest.param(JSON, b'{"grant_type":{}}', id="object"),
        pytest.param(JSON, b'{"grant_type":0}', id="number"),
        pytest.param(JSON, b"grant_type=x", id="no-json"),
        pytest.param(JSON, b'{"a":"\xff"}', id="no-utf-8"),
    ],
)
def test_what_is_no_client_grant_is_refused(content_type: str, body: bytes) -> None:
    """A password must not seem to have worked."""
    with pytest.raises(BadRequest):
        local_grant(content_type, body, random_hex=abc)


@given(st.sampled_from([FORM, JSON]), st.binary(max_size=80))
def test_no_body_gets_past_as_another_error(content_type: str, body: bytes) -> None:
    """Bytes of strangers must not become a 500."""
    try:
        granted = local_grant(content_type, body, random_hex=abc)
    except BadRequest:
        return

    assert b"gw_abc" in granted


@pytest.mark.parametrize(
    ("method", "path", "local"),
    [
        pytest.param("POST", "/auth/token", True, id="ours"),
        pytest.param("GET", "/auth/token", False, id="another-method"),
        pytest.param("POST", "/auth/tokens", False, id="another-path"),
    ],
)
async def test_only_the_token_call_is_answered_here(
    method: str, path: str, *, local: bool
) -> None:
    """Everything else is for Dinie."""
    relayed = web.Response(status=299)

    async def handler(_: web.BaseRequest) -> web.StreamResponse:
        return relayed

    exchange = Exchange("r", method, path, 0.0, plain_path=path, body=Body(b""))
    request = cast("web.BaseRequest", {EXCHANGE: exchange})

    answer = await LocalTokenStage(abc)(request, handler)

    assert answer.status == (200 if local else 299)
    assert (answer.headers.get("Cache-Control") == "no-store") is local


async def test_a_token_says_whose_calls_are_made_with_it() -> None:
    """SDKs cannot set a header for each call, but they carry their token."""
    stage = LocalTokenStage(abc)

    async def handler(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response()

    asked = Exchange("r", "POST", "/auth/token", 0.0, plain_path="/auth/token")
    asked.caller = "billing"
    await stage(cast("web.BaseRequest", {EXCHANGE: asked}), handler)
    call = Exchange(
        "r", "GET", "/loans", 0.0, control={"authorization": "Bearer gw_abc"}
    )

    await stage(cast("web.BaseRequest", {EXCHANGE: call}), handler)

    assert call.caller == "billing"
