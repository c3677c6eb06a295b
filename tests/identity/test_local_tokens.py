"""Local tokens: the response to a token call, and whose an issued token is."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import BadRequest
from gateway.credentials.policy import classify_bearer
from gateway.identity.local_tokens import IssuedTokens, local_grant
from gateway.identity.policy import LIFE
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
