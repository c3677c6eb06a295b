"""LocalTokenStage: what an SDK gets that asks the gateway for a token."""

from typing import cast

import orjson
import pytest
from aiohttp import web

from gateway.core.errors import BadRequest, CallerUnknown
from gateway.core.exchange import Body, Exchange
from gateway.core.stage import EXCHANGE
from gateway.identity.local_tokens import IssuedTokens
from gateway.identity.stage import LocalTokenStage
from tests.exchanges import change, new_exchange
from tests.fakes import FakeClock

FORM = "application/x-www-form-urlencoded"
JSON = "application/json; charset=utf-8"


def abc() -> str:
    return "abc"


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

    response = await stage(Asked(exchange, "127.0.0.1"), handler)  # type: ignore[arg-type]

    assert response.status == (200 if local else 299)
    assert (response.headers.get("Cache-Control") == "no-store") is local


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

    response = await stage(Asked(exchange, "203.0.113.5"), unused)  # type: ignore[arg-type]

    assert isinstance(response, web.Response)
    assert orjson.loads(cast("bytes", response.body))["access_token"] == "gw_bound"


@pytest.mark.parametrize(
    ("remote", "refused"), [("203.0.113.5", True), ("127.0.0.1", False)]
)
@pytest.mark.parametrize("body", [b"", b"{}", b'{"client_secret":"x"}', b"[1]", b"{"])
async def test_another_secret_gets_a_token_on_this_host_only(
    remote: str, body: bytes, *, refused: bool
) -> None:
    """A sidecar's service has dummies; another sender has nothing."""
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
        await stage(Asked(exchange, remote), unused)  # type: ignore[arg-type]
    except CallerUnknown:
        assert refused
    except BadRequest:
        assert (body, refused) == (b"{", False)
    else:
        assert not refused
        assert issued.holder("gw_abc", local=True, certified=None) == "billing"


async def test_a_caller_with_a_certificate_gets_a_token_that_goes_with_it() -> None:
    """An SDK insists on its token call, whatever else proves who calls."""
    exchange = new_exchange(
        "r", "POST", "/auth/token", 0.0, plain_path="/auth/token", body=Body(b"")
    )
    exchange.caller, exchange.certified = "billing", True
    issued = IssuedTokens(FakeClock())
    stage = LocalTokenStage(abc, issued=issued, bind=secret)

    response = await stage(Asked(exchange, "203.0.113.5"), unused)  # type: ignore[arg-type]

    assert response.status == 200
    assert issued.holder("gw_abc", local=False, certified="billing") == "billing"
    assert issued.holder("gw_abc", local=True, certified=None) is None


class Asked(dict[object, object]):
    """A request from somewhere."""

    def __init__(self, exchange: Exchange, remote: str) -> None:
        super().__init__({EXCHANGE: exchange})
        self.remote = remote
        self.transport = None


async def unused(_: web.BaseRequest) -> web.StreamResponse:
    raise AssertionError
