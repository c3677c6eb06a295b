"""What is relayed, what is not, and what is never invented."""

import gzip

import pytest

from tests.e2e.conftest import Start
from tests.gateway_process import Live
from tests.upstreams import TOKEN, ScriptedUpstream, Step, answer
from tests.wire import Answer, Caller, ask, request

pytestmark = pytest.mark.e2e

JSON = ("Content-Type", "application/json")
OWN = {
    "x-gateway-request-id",
    "x-gateway-attempts",
    "x-gateway-environment",
    "x-request-id",
    "server-timing",
    "date",
}


def relayed(live: Live, raw: bytes, method: str = "GET") -> Answer:
    live.upstream.script(Step(raw))
    return ask(live.port, request(method, "/customers"), head=method == "HEAD")


def test_a_bare_request_gains_a_bearer_and_nothing_else(live: Live) -> None:
    """An invented Accept-Encoding brings answers that the caller cannot read."""
    ask(live.port, b"GET /customers HTTP/1.1\r\nHost: a\r\n\r\n")

    (received,) = live.upstream.requests
    names = sorted(name.lower() for name, _ in received.headers)
    assert names in (
        [b"authorization", b"host"],
        [b"authorization", b"host", b"user-agent"],
    )
    assert received.all("Authorization") == [f"Bearer {TOKEN}"]


def test_hop_by_hop_headers_of_a_request_stay_on_their_hop(live: Live) -> None:
    """They speak about the caller's connection, not about Dinie's."""
    fields = [
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("Proxy-Connection", "keep-alive"),
        ("TE", "trailers"),  # codespell:ignore te
        ("Trailer", "X-Sum"),
        ("X-Kept", "2"),
    ]

    ask(live.port, request("GET", "/customers", fields))

    (received,) = live.upstream.requests
    assert received.all("X-Kept") == ["2"]
    assert [name for name, _ in fields[:-1] if received.all(name)] == []


def test_hop_by_hop_headers_of_an_answer_stay_on_their_hop(live: Live) -> None:
    """Dinie's edge speaks about its own connection."""
    fields = [
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authenticate", "Basic"),
        ("Upgrade", "h2c"),
        ("X-Kept", "2"),
    ]

    got = relayed(live, answer(headers=fields))

    assert got.get("X-Kept") == "2"
    assert [name for name, _ in fields[:-1] if got.all(name)] == []


def test_cookies_belong_to_the_caller_that_got_them(
    start: Start, upstream: ScriptedUpstream
) -> None:
    """One borrower's session in another's request is a data breach."""
    # By name: for a bare address no cookie would be kept in any case.
    gateway = start(upstream.base_url.replace("127.0.0.1", "localhost"))
    upstream.script(
        Step(answer(headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]))
    )

    first = ask(gateway.port, request("GET", "/customers"))
    ask(gateway.port, request("GET", "/customers"))
    ask(gateway.port, request("GET", "/customers", [("Cookie", "mine=3")]))

    assert first.all("Set-Cookie") == ["a=1", "b=2"]
    sent = [received.all("Cookie") for received in upstream.requests]
    assert sent == [[], [], ["mine=3"]]
    gateway.stop()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_relayed_and_never_followed(live: Live, status: int) -> None:
    """Followed, it would carry the bearer wherever it points."""
    elsewhere = f"http://127.0.0.1:{live.evil.port}/x"

    got = relayed(live, answer(status, b"", [("Location", elsewhere)]), "POST")

    assert (got.status, got.get("Location")) == (status, elsewhere)
    assert live.evil.connections == 0
    assert len(live.upstream.requests) == 1


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_leaves_the_connection_usable(
    live: Live, status: int
) -> None:
    """A body that is none must not be waited for."""
    live.upstream.script(Step(f'HTTP/1.1 {status} No\r\nETag: "x"\r\n\r\n'.encode()))

    with Caller(live.port) as caller:
        got = caller.ask(request("GET", "/customers"))
        again = caller.ask(request("GET", "/banks"))

    assert (got.status, got.get("ETag"), got.body) == (status, '"x"', b"")
    assert got.all("Transfer-Encoding") == []
    assert got.get("Content-Type") is None
    assert (again.status, again.body) == (200, b"{}")


@pytest.mark.parametrize("length", [0, 12, 5_000_000])
def test_head_tells_the_length_and_sends_no_body(live: Live, length: int) -> None:
    """HEAD is how a caller asks for a length without paying for the body."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
    live.upstream.script(Step(head.encode()))

    with Caller(live.port) as caller:
        got = caller.ask(request("HEAD", "/customers"), head=True)
        again = caller.ask(request("GET", "/banks"))

    assert (got.status, got.get("Content-Length")) == (200, str(length))
    assert (again.status, again.body) == (200, b"{}")


def test_an_empty_answer_keeps_its_length_of_zero(live: Live) -> None:
    """Without one, a caller waits for a body or for the end of the connection."""
    got = relayed(live, answer(200, b"", []))

    assert (got.get("Content-Length"), got.body) == ("0", b"")


def test_an_answer_gains_only_the_gateways_own_headers(live: Live) -> None:
    """A Server or a Content-Type that Dinie did not send is a lie."""
    got = relayed(live, answer(200, b"plain", []))

    names = {name.decode().lower() for name, _ in got.headers}
    assert names == OWN | {"content-length"}


def test_what_dinie_says_of_itself_is_kept(live: Live) -> None:
    """Server, Date and ids are for whoever asks Dinie's support."""
    fields = [
        ("Server", "dinie-edge"),
        ("Date", "Tue, 24 Nov 2026 10:00:00 GMT"),
        ("X-Request-Id", "dinie-1"),
        ("X-RateLimit-Limit", "100000"),
        ("X-RateLimit-Remaining", "99999"),
        ("X-RateLimit-Reset", "60"),
        JSON,
    ]

    got = relayed(live, answer(headers=fields))

    assert [(name, got.get(name)) for name, _ in fields] == fields


def test_dinies_word_cannot_pass_for_the_gateways(live: Live) -> None:
    """An error marked as ours sends an operator to the wrong logs."""
    fields = [("X-Gateway-Error", "fake"), ("X-Gateway-Environment", "production")]

    got = relayed(live, answer(headers=fields))

    assert got.all("X-Gateway-Error") == []
    assert got.all("X-Gateway-Environment") == ["local"]


def test_compressed_answers_pass_as_they_are(live: Live) -> None:
    """Decompressed under its old length, an answer is cut or garbled."""
    packed = gzip.compress(b'{"data": []}' * 100, mtime=0)

    got = relayed(live, answer(200, packed, [("Content-Encoding", "gzip"), JSON]))

    assert got.body == packed
    assert got.get("Content-Encoding") == "gzip"
    assert got.get("Content-Length") == str(len(packed))


def test_trailers_of_an_answer_never_reach_the_next_one(live: Live) -> None:
    """Connections to Dinie are shared: it would change another caller's answer."""
    live.upstream.script(
        Step(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\n{}\r\n0\r\nX-Stolen: 1\r\n\r\n"
        )
    )

    first = ask(live.port, request("GET", "/customers"))
    second = ask(live.port, request("GET", "/banks"))

    assert first.body == b"{}"
    assert second.all("X-Stolen") == []
    connections = {received.connection for received in live.upstream.requests}
    assert len(connections) == 1, "the test needs one shared connection"


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 422, 501, 418, 299, 599])
def test_whatever_dinie_answers_is_the_answer(live: Live, status: int) -> None:
    """A 4xx is for the service's own code to handle."""
    body = b'{"code":"customer_already_exists"}'
    fields = [("Content-Type", "application/problem+json")]

    got = relayed(live, answer(status, body, fields), "POST")

    assert (got.status, got.body) == (status, body)
    assert got.get("Content-Type") == "application/problem+json"
    assert got.all("X-Gateway-Error") == []


def test_interim_answers_are_not_the_answer(live: Live) -> None:
    """A 103 in front is no reason to take it for the end."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"

    got = relayed(live, hints + answer(200, b"whole"))

    assert (got.status, got.body) == (200, b"whole")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(answer(headers=[("Connection", "close")]), id="close"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", id="old"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n{}", id="no-length"),
    ],
)
def test_dinies_goodbye_is_not_the_callers(live: Live, raw: bytes) -> None:
    """The caller's connection lives as long as the caller wants."""
    live.upstream.script(Step(raw, "close"))

    with Caller(live.port) as caller:
        first = caller.ask(request("GET", "/customers"))
        second = caller.ask(request("GET", "/banks"))

    assert first.line.startswith(b"HTTP/1.1 200 ")
    assert (first.body, second.body) == (b"{}", b"{}")
