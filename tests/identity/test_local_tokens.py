"""local: what an SDK gets that asks the gateway for a token."""

from typing import cast

import orjson
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import BadRequest, CallerUnknown
from gateway.core.exchange import Body, Exchange
from gateway.core.stage import EXCHANGE
from gateway.credentials.policy import classify_bearer
from gateway.identity.local_tokens import (
    LIFE,
    IssuedTokens,
    LocalTokenStage,
    local_grant,
)
from tests.exchanges import change, new_exchange
from tests.fakes import FakeClock

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
        pytest.param("POST", "/auth/token.json", True, id="another-spelling"),
    ],
)
async def test_only_the_token_call_is_answered_here(
    method: str, path: str, *, local: bool
) -> None:
    """Everything else is for Dinie."""
    relayed = web.Response(status=299)

    async def handler(_: web.BaseRequest) -> web.StreamResponse:
        return relayed

    exchange = new_exchange("r", method, path, 0.0, plain_path=path, body=Body(b""))
    change(exchange, path=path)
    stage = LocalTokenStage(
        abc, issued=IssuedTokens(FakeClock()), spelled="/auth/token.json".__eq__
    )

    answer = await stage(Asked(exchange, "127.0.0.1"), handler)  # type: ignore[arg-type]

    assert answer.status == (200 if local else 299)
    assert (answer.headers.get("Cache-Control") == "no-store") is local


def secret(value: str) -> str | None:
    """Return the token for the caller whose secret this is."""
    return "gw_bound" if value == "gw_right" else None


@pytest.mark.parametrize(
    ("authorization", "content_type", "body"),
    [
        pytest.param(None, JSON, b'{"client_secret":"gw_right"}', id="json"),
        pytest.param(None, FORM, b"client_id=x&client_secret=gw_right", id="form"),
        pytest.param("Basic eDpnd19yaWdodA==", FORM, b"", id="basic"),
        pytest.param("basic eDpnd19yaWdodA==", JSON, b"{}", id="basic-and-json"),
    ],
)
async def test_a_caller_that_shows_its_secret_gets_a_token_of_its_own(
    authorization: str | None, content_type: str, body: bytes
) -> None:
    """In either dialect; SDKs cannot set a header for each call."""
    control = {} if authorization is None else {"authorization": authorization}
    exchange = new_exchange(
        "r",
        "POST",
        "/auth/token",
        0.0,
        plain_path="/auth/token",
        body=Body(body),
        content_type=content_type,
        control=control,
    )
    stage = LocalTokenStage(abc, issued=IssuedTokens(FakeClock()), bind=secret)

    answer = await stage(Asked(exchange, "203.0.113.5"), nobody)  # type: ignore[arg-type]

    assert isinstance(answer, web.Response)
    assert orjson.loads(cast("bytes", answer.body))["access_token"] == "gw_bound"


@pytest.mark.parametrize(
    ("remote", "refused"), [("203.0.113.5", True), ("127.0.0.1", False)]
)
@pytest.mark.parametrize("body", [b"", b"{}", b'{"client_secret":"x"}', b"[1]", b"{"])
async def test_another_secret_gets_a_token_on_this_host_only(
    remote: str, body: bytes, *, refused: bool
) -> None:
    """A sidecar's service has dummies; a stranger has nothing."""
    exchange = new_exchange(
        "r",
        "POST",
        "/auth/token",
        0.0,
        plain_path="/auth/token",
        body=Body(body),
        content_type=JSON,
    )
    exchange.caller = "billing"
    issued = IssuedTokens(FakeClock())
    stage = LocalTokenStage(abc, issued=issued, bind=secret)

    try:
        await stage(Asked(exchange, remote), nobody)  # type: ignore[arg-type]
    except CallerUnknown:
        assert refused
    except BadRequest:
        assert (body, refused) == (b"{", False)
    else:
        assert not refused
        assert issued.holder("gw_abc", local=True, certified=None) == "billing"


def test_a_token_given_on_this_host_is_nobodys_from_elsewhere() -> None:
    """A name in a header is believed on this host only, and so is what it bought."""
    issued = IssuedTokens(FakeClock())
    issued.add("gw_abc", "billing", local=True)

    found = [
        issued.holder("gw_abc", local=local, certified=certified)
        for local, certified in (
            (True, None),
            (False, None),
            (False, "crm"),
            (False, "billing"),
        )
    ]

    assert found == ["billing", None, None, "billing"]


@pytest.mark.parametrize("clock", ["monotonic", "unix"])
def test_an_issued_token_ends_with_its_expires_in(clock: str) -> None:
    """Whichever clock reaches the moment first: one stands while the machine sleeps."""
    time = FakeClock()
    issued = IssuedTokens(time)
    issued.add("gw_abc", "billing", local=True)

    time.advance(LIFE - 1)
    before = issued.holder("gw_abc", local=True, certified=None)
    if clock == "monotonic":
        time._now += 1
    else:
        time._unix += 1
    after = issued.holder("gw_abc", local=True, certified=None)

    assert (before, after) == ("billing", None)


async def test_a_caller_with_a_certificate_gets_a_token_that_goes_with_it() -> None:
    """An SDK insists on its token call, whatever else proves who calls."""
    exchange = new_exchange(
        "r", "POST", "/auth/token", 0.0, plain_path="/auth/token", body=Body(b"")
    )
    exchange.caller, exchange.certified = "billing", True
    issued = IssuedTokens(FakeClock())
    stage = LocalTokenStage(abc, issued=issued, bind=secret)

    answer = await stage(Asked(exchange, "203.0.113.5"), nobody)  # type: ignore[arg-type]

    assert answer.status == 200
    assert issued.holder("gw_abc", local=False, certified="billing") == "billing"
    assert issued.holder("gw_abc", local=True, certified=None) is None


class Asked(dict[object, object]):
    """A request from somewhere."""

    def __init__(self, exchange: Exchange, remote: str) -> None:
        super().__init__({EXCHANGE: exchange})
        self.remote = remote
        self.transport = None


async def nobody(_: web.BaseRequest) -> web.StreamResponse:
    raise AssertionError
