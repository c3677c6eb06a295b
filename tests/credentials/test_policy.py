"""credentials.policy: meaning of a token endpoint's response, and a token's life."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.secret import Secret
from gateway.credentials.policy import (
    Grant,
    Refused,
    Transient,
    classify_bearer,
    make_token,
    read_grant,
    retry_wait,
)

MALFORMED = Transient("malformed")
GOOD = Grant(Secret("t0.k-e_n~+/="), 3600.0)


ASSUMED = Grant(Secret("t0.k-e_n~+/="), 300.0, assumed=True)


def lives(seconds: float) -> Grant:
    return Grant(Secret("t0.k-e_n~+/="), seconds)


def granted(token: bytes = b'"t0.k-e_n~+/="', life: bytes = b"3600") -> bytes:
    return b'{"access_token":' + token + b',"expires_in":' + life + b"}"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param(200, granted(), GOOD, id="good"),
        pytest.param(200, granted(life=b'"3600"'), GOOD, id="life-in-a-string"),
        pytest.param(200, granted(life=b"3600.0"), GOOD, id="life-with-fraction"),
        pytest.param(200, b"", MALFORMED, id="empty"),
        pytest.param(200, b"<html>", MALFORMED, id="no-json"),
        pytest.param(200, b"\xff\xfe", MALFORMED, id="no-utf-8"),
        pytest.param(200, b"[]", MALFORMED, id="list"),
        pytest.param(200, b"null", MALFORMED, id="null"),
        pytest.param(200, b'{"expires_in":3600}', MALFORMED, id="no-token"),
        pytest.param(200, b'{"access_token":"t0.k-e_n~+/="}', ASSUMED, id="no-life"),
        pytest.param(200, granted(life=b"null"), ASSUMED, id="life-null"),
        pytest.param(200, granted(life=b'"3600.5"'), lives(3600.5), id="life-text"),
        pytest.param(200, granted(life=b'"36e2"'), lives(3600.0), id="life-power"),
        pytest.param(200, granted(life=b"5e-1"), lives(0.5), id="life-short"),
        pytest.param(200, granted(life=b"86400"), lives(86400.0), id="life-day"),
        pytest.param(200, granted(life=b"3600000000"), lives(86400.0), id="life-long"),
        pytest.param(200, granted(token=b'""'), MALFORMED, id="empty-token"),
        pytest.param(200, granted(token=b"7"), MALFORMED, id="token-no-text"),
        pytest.param(200, granted(token=b'"a b"'), MALFORMED, id="token-with-space"),
        pytest.param(
            200, granted(token=b'"a\\r\\nX: y"'), MALFORMED, id="token-with-newline"
        ),
        pytest.param(200, granted(token=b'"\xc3\xa9"'), MALFORMED, id="token-no-ascii"),
        pytest.param(
            200, granted(token=b'"' + b"a" * 8193 + b'"'), MALFORMED, id="token-endless"
        ),
        pytest.param(200, granted(life=b"0"), MALFORMED, id="life-zero"),
        pytest.param(200, granted(life=b"-1"), MALFORMED, id="life-negative"),
        pytest.param(200, granted(life=b"true"), MALFORMED, id="life-bool"),
        pytest.param(200, granted(life=b"NaN"), MALFORMED, id="life-nan"),
        pytest.param(200, granted(life=b"1e400"), MALFORMED, id="life-infinite"),
        pytest.param(200, granted(life=b'"soon"'), MALFORMED, id="life-words"),
        pytest.param(200, granted(life=b'"NaN"'), MALFORMED, id="life-nan-text"),
        pytest.param(200, granted(life=b'"inf"'), MALFORMED, id="life-inf-text"),
        pytest.param(200, granted(life=b'"9e999"'), MALFORMED, id="life-inf-number"),
        pytest.param(200, granted(life=b'"-5"'), MALFORMED, id="life-negative-text"),
        pytest.param(200, granted(life=b'"1_0"'), MALFORMED, id="life-python"),
        pytest.param(200, granted(life=b'""'), MALFORMED, id="life-empty"),
        pytest.param(200, granted(life=b"[60]"), MALFORMED, id="life-list"),
        pytest.param(
            200, granted(life=b'"' + b"9" * 5000 + b'"'), MALFORMED, id="life-endless"
        ),
        pytest.param(201, granted(), Transient("status_2xx"), id="another-success"),
        pytest.param(302, b"", Transient("status_3xx"), id="redirect"),
        pytest.param(400, b"", Refused(400), id="400"),
        pytest.param(401, granted(), Refused(401), id="401"),
        pytest.param(403, b"", Transient("status_4xx"), id="403"),
        pytest.param(429, b"", Transient("status_4xx"), id="429"),
        pytest.param(500, b"", Transient("status_5xx"), id="500"),
        pytest.param(503, granted(), Transient("status_5xx"), id="503"),
    ],
)
def test_what_an_answer_means(
    status: int, body: bytes, expected: Grant | Refused | Transient
) -> None:
    """A failing cache in front of the endpoint is no reason to page an operator."""
    assert read_grant(status, body) == expected


@given(
    st.integers(100, 599),
    st.binary(max_size=60)
    | st.binary(max_size=30).map(lambda life: granted(life=life)),
)
def test_no_answer_raises(status: int, body: bytes) -> None:
    """An exception would end the one task that renews."""
    assert isinstance(read_grant(status, body), Grant | Refused | Transient)


@pytest.mark.parametrize(
    ("life", "random", "renew_at", "usable_until", "expires_at"),
    [
        pytest.param(3600.0, 0.0, 2980.0, 3670.0, 3700.0, id="an-hour"),
        pytest.param(3600.0, 1.0, 2800.0, 3670.0, 3700.0, id="spread"),
        pytest.param(100.0, 0.0, 180.0, 190.0, 200.0, id="short-a-tenth"),
    ],
)
def test_a_tokens_moments(
    life: float, random: float, renew_at: float, usable_until: float, expires_at: float
) -> None:
    """Renewed early enough, and never sent when it could expire on the way."""
    token = make_token(
        Grant(Secret("t"), life),
        asked_at=100.0,
        asked_unix=1000.0,
        random=random,
        generation=1,
        secret_version="1",
    )

    assert token.renew_at == pytest.approx(renew_at)
    assert token.usable_until == pytest.approx(usable_until)
    assert token.usable_until_unix == pytest.approx(usable_until + 900.0)
    assert token.expires_at == expires_at
    assert token.header == "Bearer t"


def test_a_token_does_not_print_itself() -> None:
    """Logs outlive tokens."""
    token = make_token(
        Grant(Secret("telling"), 60),
        asked_at=0.0,
        asked_unix=0.0,
        random=0.0,
        generation=7,
        secret_version="1",
    )

    assert repr(token) == "Token(generation=7)"


@pytest.mark.parametrize(
    ("failures", "expected"),
    [
        pytest.param(1, 0.5, id="first"),
        pytest.param(3, 2.0, id="third"),
        pytest.param(50, 15.0, id="capped"),
    ],
)
def test_the_wait_after_failed_renewals(failures: int, expected: float) -> None:
    """A token endpoint in trouble is asked less and less often."""
    assert retry_wait(failures, random=0.5) == expected


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        pytest.param(None, "replace", id="none"),
        pytest.param("", "replace", id="empty"),
        pytest.param("Bearer", "replace", id="no-token"),
        pytest.param("Bearer gw_1", "replace", id="ours"),
        pytest.param("bearer   gw_1", "replace", id="ours-with-spaces"),
        pytest.param("BEARER gw_", "replace", id="ours-empty"),
        pytest.param("Basic dXNlcjpw", "replace", id="basic"),
        pytest.param("Digest x", "replace", id="unknown-scheme"),
        pytest.param("dinie_at_1", "replace", id="no-scheme"),
        pytest.param("Bearer\tgw_1", "replace", id="tab"),
        pytest.param('Bearer "gw_1"', "replace", id="ours-in-quotes"),
        pytest.param("Bearer Bearer gw_1", "replace", id="ours-twice-named"),
        pytest.param("Bearer x gw_1", "replace", id="ours-behind"),
        pytest.param("Bearer dinie_st_1", "own", id="customers"),
        pytest.param("bearer x", "own", id="case"),
    ],
)
def test_whose_bearer_it_is(authorization: str | None, expected: str) -> None:
    """A customer's session is not ours to replace, a dummy must not go upstream."""
    assert classify_bearer(authorization) == expected


def test_a_life_of_an_instant_does_not_make_a_busy_loop() -> None:
    """Renewals that are due at once would flood the token endpoint."""
    token = make_token(
        Grant(Secret("t"), 1e-9),
        asked_at=100.0,
        asked_unix=1000.0,
        random=0.5,
        generation=1,
        secret_version="1",
    )

    assert token.renew_at == 100.5
