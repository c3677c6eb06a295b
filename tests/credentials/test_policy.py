"""credentials.policy: what an answer of the token endpoint means, and for how long."""

import pytest

from gateway.credentials.policy import (
    Grant,
    Refused,
    Transient,
    classify_bearer,
    make_token,
    read_grant,
    retry_wait,
)
from gateway.secret import Secret

GOOD = b'{"access_token":"dinie_at_x","token_type":"bearer","expires_in":3600}'


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        pytest.param(200, GOOD, Grant(Secret("dinie_at_x"), 3600.0), id="good"),
        pytest.param(
            200,
            b'{"access_token":"t","expires_in":"60"}',
            Grant(Secret("t"), 60.0),
            id="digits-as-text",
        ),
        pytest.param(400, GOOD, Refused(400), id="400"),
        pytest.param(401, b"", Refused(401), id="401"),
        pytest.param(403, b"", Transient("status_4xx"), id="403"),
        pytest.param(429, b"", Transient("status_4xx"), id="429"),
        pytest.param(500, b"", Transient("status_5xx"), id="500"),
        pytest.param(302, b"", Transient("status_3xx"), id="302"),
        pytest.param(200, b"", Transient("malformed"), id="empty"),
        pytest.param(200, b"<html>", Transient("malformed"), id="html"),
        pytest.param(200, b"[]", Transient("malformed"), id="list"),
        pytest.param(200, b"null", Transient("malformed"), id="null"),
        pytest.param(200, b'{"expires_in":60}', Transient("malformed"), id="no-token"),
        pytest.param(
            200, b'{"access_token":"t"}', Transient("malformed"), id="no-life"
        ),
        *(
            pytest.param(
                200,
                b'{"access_token":%s,"expires_in":%s}' % (token, life),
                Transient("malformed"),
                id=name,
            )
            for name, token, life in (
                ("empty-token", b'""', b"60"),
                ("token-with-newline", rb'"a\nb"', b"60"),
                ("token-with-space", b'"a b"', b"60"),
                ("token-not-ascii", '"á"'.encode(), b"60"),
                ("token-is-number", b"1", b"60"),
                ("zero-life", b'"t"', b"0"),
                ("negative-life", b'"t"', b"-1"),
                ("boolean-life", b'"t"', b"true"),
                ("life-in-words", b'"t"', b'"soon"'),
                ("life-of-years", b'"t"', b"999999999"),
            )
        ),
    ],
)
def test_an_answer_of_the_token_endpoint_means_one_thing(
    status: int, body: bytes, meaning: object
) -> None:
    """A broken 200 is no token, and no proof against the credential either."""
    assert read_grant(status, body) == meaning


@pytest.mark.parametrize(
    ("life", "usable_until"),
    [
        pytest.param(3600.0, 4570.0, id="an-hour-keeps-30-s"),
        pytest.param(60.0, 1054.0, id="a-minute-keeps-a-tenth"),
    ],
)
def test_a_token_is_not_sent_in_its_last_moments(
    life: float, usable_until: float
) -> None:
    """It could expire on the way."""
    token = make_token(
        Grant(Secret("t"), life),
        asked_at=1000.0,
        random=0.0,
        generation=1,
        secret_version="1",
    )

    assert token.usable_until == usable_until


def test_replicas_do_not_renew_together() -> None:
    """A thousand pods that started together would ask together for ever."""
    moments = [
        make_token(
            Grant(Secret("t"), 3600.0),
            asked_at=0.0,
            random=random,
            generation=1,
            secret_version="1",
        ).renew_at
        for random in (0.0, 0.5)
    ]

    assert moments == [2880.0, 2790.0]


def test_a_failing_renewal_waits_longer_each_time_up_to_half_a_minute() -> None:
    """An endpoint that is down is not helped by being asked."""
    assert [retry_wait(n, random=1.0) for n in (1, 2, 3, 6, 60)] == [1, 2, 4, 30, 30]


@pytest.mark.parametrize(
    ("authorization", "kind"),
    [
        pytest.param(None, "replace", id="none"),
        pytest.param("Bearer gw_abc", "replace", id="ours"),
        pytest.param("bearer   gw_abc", "replace", id="ours-spaced"),
        pytest.param("Basic dXNlcg==", "replace", id="basic"),
        pytest.param("Bearer", "replace", id="empty-bearer"),
        pytest.param("Digest x", "replace", id="digest"),
        pytest.param("Bearer eyJ.customer", "own", id="customer"),
        pytest.param("BEARER eyJ.customer", "own", id="any-case"),
    ],
)
def test_only_a_foreign_bearer_goes_upstream(
    authorization: str | None, kind: str
) -> None:
    """A local token or a Basic pair has no business at Dinie."""
    assert classify_bearer(authorization) == kind


def test_a_token_never_shows_itself() -> None:
    """Tracebacks and debuggers print reprs."""
    token = make_token(
        Grant(Secret("dinie_at_x"), 60.0),
        asked_at=0.0,
        random=0.0,
        generation=3,
        secret_version="1",
    )

    assert repr(token) == "Token(generation=3)"
