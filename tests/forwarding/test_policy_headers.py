"""forwarding.policy: which headers are relayed, in both directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import BadRequest
from gateway.forwarding.policy import inbound_headers, outbound_headers

Items = list[tuple[str, str]]


@pytest.mark.parametrize(
    ("items", "relayed"),
    [
        pytest.param(
            [("X-A", "1"), ("X-A", "2")], [("X-A", "1"), ("X-A", "2")], id="2"
        ),
        pytest.param([("x-a", "1")], [("x-a", "1")], id="case-kept"),
        pytest.param([("Host", "a")], [], id="host"),
        pytest.param([("Expect", "100-continue")], [], id="expect"),
        pytest.param([("Connection", "keep-alive")], [], id="connection"),
        pytest.param([("Keep-Alive", "5")], [], id="keep-alive"),
        pytest.param([("TE", "trailers")], [], id="te"),
        pytest.param([("Trailer", "X")], [], id="trailer"),
        pytest.param([("Transfer-Encoding", "chunked")], [], id="coding"),
        pytest.param([("Upgrade", "h2c"), ("HTTP2-Settings", "x")], [], id="upgrade"),
        pytest.param([("Proxy-Authorization", "x")], [], id="proxy-authorization"),
        pytest.param([("Authorization", "Basic x")], [], id="authorization"),
        pytest.param([("X-Gateway-Priority", "batch")], [], id="ours"),
        pytest.param([("X-Request-Id", "r")], [("X-Request-Id", "r")], id="shared"),
        pytest.param([("X_A", "1")], [("X_A", "1")], id="harmless-underscore"),
        pytest.param([("X-A", "S\u00e3o")], [("X-A", "S\u00e3o")], id="utf-8"),
        pytest.param(
            [("Cookie", "a"), ("Cookie", "b")],
            [("Cookie", "a"), ("Cookie", "b")],
            id="cookies",
        ),
    ],
)
def test_a_request_header_is_relayed_or_not(items: Items, relayed: Items) -> None:
    """Hop-by-hop headers end here, the rest passes as it came."""
    assert inbound_headers(items)[0] == relayed


@pytest.mark.parametrize(
    "connection",
    [
        pytest.param([("Connection", "X-Drop")], id="named"),
        pytest.param([("connection", "close, x-drop")], id="in-a-list"),
        pytest.param([("Connection", "close"), ("Connection", "X-DROP")], id="second"),
        pytest.param([("Connection", " ,x-drop , ,")], id="empty-members"),
    ],
)
def test_what_connection_names_is_hop_by_hop(connection: Items) -> None:
    """RFC 9110 7.6.1: those are for us, not for Dinie, in either direction."""
    items = [("X-Drop", "1"), *connection, ("X-Keep", "2")]

    assert inbound_headers(items)[0] == [("X-Keep", "2")]
    assert outbound_headers(items) == ([("X-Keep", "2")], 0)


def test_control_headers_are_read_by_their_lower_case_names() -> None:
    """Stages look them up without thinking of case."""
    _, control = inbound_headers(
        [
            ("Idempotency-KEY", "k"),
            ("AUTHORIZATION", "Bearer gw_1"),
            ("Content-Type", "text/plain"),
            ("X-Other", "1"),
        ]
    )

    assert control == {
        "idempotency-key": "k",
        "authorization": "Bearer gw_1",
        "content-type": "text/plain",
    }


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([("Idempotency-Key", "a"), ("idempotency-key", "b")], id="key"),
        pytest.param([("Authorization", "a"), ("Authorization", "a")], id="same-twice"),
        pytest.param([("Content-Length", "1"), ("Content-Length", "1")], id="length"),
        pytest.param([("X-Request-Id", "a"), ("X-Request-Id", "b")], id="request-id"),
        pytest.param([("Content-Type", "a"), ("Content-Type", "b")], id="type"),
        pytest.param([("Idempotency_Key", "a")], id="underscore-key"),
        pytest.param([("X_Gateway-Caller", "a")], id="half-underscore"),
        pytest.param([("Transfer_Encoding", "chunked")], id="underscore-framing"),
        pytest.param([("content_length", "5")], id="underscore-length"),
        pytest.param([("X-A", "\udcff")], id="no-utf-8"),
        pytest.param([("X-Request-Id", "a\udce9")], id="no-utf-8-shared"),
    ],
)
def test_a_disguised_or_doubled_header_is_refused(items: Items) -> None:
    """Two servers would each believe another of the two."""
    with pytest.raises(BadRequest):
        inbound_headers(items)


@pytest.mark.parametrize(
    ("items", "relayed", "lost"),
    [
        pytest.param(
            [("Set-Cookie", "a"), ("Set-Cookie", "b")],
            [("Set-Cookie", "a"), ("Set-Cookie", "b")],
            0,
            id="both-cookies",
        ),
        pytest.param(
            [("Content-Length", "5")], [("Content-Length", "5")], 0, id="length"
        ),
        pytest.param([("Transfer-Encoding", "chunked")], [], 0, id="coding"),
        pytest.param([("Keep-Alive", "timeout=5")], [], 0, id="keep-alive"),
        pytest.param([("X-Gateway-Attempts", "9")], [], 0, id="ours"),
        pytest.param([("idempotency-key", "k")], [], 0, id="echoed-key"),
        pytest.param([("X-Gateway-Error", "x")], [], 0, id="our-error"),
        pytest.param(
            [("X-Request-Id", "r")], [("X-Request-Id", "r")], 0, id="its-own-id"
        ),
        pytest.param([("X-Dinie-A", "1")], [("X-Dinie-A", "1")], 0, id="dinie"),
        pytest.param(
            [("X-A", "\udcff"), ("X-B", "1")], [("X-B", "1")], 1, id="no-utf-8"
        ),
        pytest.param([("X-A", "S\u00e3o")], [("X-A", "S\u00e3o")], 0, id="utf-8"),
    ],
)
def test_an_answers_header_is_relayed_left_out_or_lost(
    items: Items, relayed: Items, lost: int
) -> None:
    """What cannot be relayed intact is counted, and Dinie cannot speak for us."""
    assert outbound_headers(items) == (relayed, lost)


NAMES = st.sampled_from(
    ["Connection", "Host", "X-A", "x_a", "Idempotency-Key", "idempotency_key", "TE"]
)


@given(st.lists(st.tuples(NAMES, st.text(max_size=20)), max_size=8))
def test_no_header_gets_past_as_another_error(items: Items) -> None:
    """Bytes of strangers must not become a 500."""
    try:
        relayed, _ = inbound_headers(items)
    except BadRequest:
        return

    assert {name.lower() for name, _ in relayed} <= {"x-a", "x_a"}
