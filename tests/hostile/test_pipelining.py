"""Several requests in one packet: each is answered once, in order, or not at all."""

import pytest

from tests.gateway_process import Live
from tests.hostile.strike import head, unharmed
from tests.wire import Answer, Caller, request

pytestmark = pytest.mark.e2e

ASKED = [f"{number:032x}" for number in range(1, 21)]


def numbered(number: int, target: str = "/customers") -> bytes:
    """Return a request that can be told from the others by its id."""
    return request("GET", f"{target}/{number}", [("X-Request-Id", ASKED[number])])


def exchanged(live: Live, raw: bytes) -> list[Answer]:
    """Send all at once, then one that asks for the end; return all answers."""
    live.reset()
    last = request("GET", "/last", [("Connection", "close")])
    answers = []
    with Caller(live.port) as caller:
        caller.send(raw + last)
        while (given := caller.read()) is not None:
            answers.append(given)
    return answers


def test_two_requests_in_one_packet_get_two_answers_in_order(live: Live) -> None:
    """A caller that pipelines matches answers to questions by their order alone."""
    answers = exchanged(live, numbered(0) + numbered(1))

    assert [given.status for given in answers] == [200, 200, 200]
    assert [given.get("X-Request-Id") for given in answers[:2]] == ASKED[:2]
    assert [got.target for got in live.upstream.requests] == [
        "/v3/customers/0",
        "/v3/customers/1",
        "/v3/last",
    ]
    unharmed(live, answers)


def test_twenty_requests_in_one_packet_keep_their_order(live: Live) -> None:
    """More than the parser's queue holds is still answered one by one."""
    answers = exchanged(live, b"".join(numbered(number) for number in range(20)))

    assert [given.get("X-Request-Id") for given in answers[:-1]] == ASKED
    assert len(live.upstream.requests) == 21
    unharmed(live, answers)


def test_a_body_and_the_next_request_in_one_packet_stay_apart(live: Live) -> None:
    """The length says where the body ends, to the byte."""
    posted = request("POST", "/loans", [("Idempotency-Key", "one")], b"{}")

    answers = exchanged(live, posted + numbered(1))

    assert [given.get("Idempotency-Key") for given in answers] == ["one", None, None]
    assert [got.body for got in live.upstream.requests] == [b"{}", b"", b""]
    unharmed(live, answers)


def test_what_follows_chunks_inherits_nothing_from_their_trailers(live: Live) -> None:
    """A trailer that became a header would carry a key or a bearer to the next call."""
    chunked = head(
        "POST /loans HTTP/1.1",
        b"Transfer-Encoding: chunked",
        body=b"2\r\n{}\r\n0\r\nIdempotency-Key: stolen\r\n\r\n",
    )

    answers = exchanged(live, chunked + request("POST", "/loans", (), b"{}"))

    keys = [key for got in live.upstream.requests for key in got.all("Idempotency-Key")]
    assert "stolen" not in keys
    assert len(live.upstream.requests) == len(answers)
    unharmed(live, answers)


REFUSED_BY_THE_PARSER = {
    "bare-lf": b"GET /a HTTP/1.1\nHost: a\n\n",
    "no-host": b"GET /a HTTP/1.1\r\n\r\n",
    "two-lengths": head("POST /a HTTP/1.1", b"Content-Length: 1\r\nContent-Length: 2"),
    "two-frames": head(
        "POST /a HTTP/1.1", b"Transfer-Encoding: chunked\r\nContent-Length: 2"
    ),
    "unknown-method": head("FOO /a HTTP/1.1"),
    "old-version": b"GET /a\r\n\r\n",
}


@pytest.mark.parametrize(
    "bad", REFUSED_BY_THE_PARSER.values(), ids=REFUSED_BY_THE_PARSER
)
def test_nothing_behind_a_malformed_request_is_run(live: Live, bad: bytes) -> None:
    """Where one request's end is unknown, so is the next one's beginning."""
    answers = exchanged(live, numbered(0) + bad + numbered(2))

    # What came in one packet with it may be refused with it.
    statuses = [given.status for given in answers]
    assert statuses in ([200, 400], [200, 405], [200], [400])
    assert len(live.upstream.requests) == statuses.count(200)
    unharmed(live, answers)


def test_a_refused_target_costs_only_its_own_answer(live: Live) -> None:
    """Its end is certain, so what follows is served in order or dropped with it."""
    answers = exchanged(live, numbered(0) + numbered(1, "/../x") + numbered(2))

    statuses = [given.status for given in answers]
    assert statuses in ([200, 400, 200, 200], [200, 400])
    assert len(live.upstream.requests) == statuses.count(200)
    unharmed(live, answers)


def test_the_unread_body_of_a_refused_request_ends_the_connection(live: Live) -> None:
    """A body nobody read would be taken for the next request."""
    size = 2 * 1024 * 1024
    declared = head("POST /loans HTTP/1.1", b"Content-Length: " + str(size).encode())

    answers = exchanged(live, declared + numbered(1))

    assert [given.status for given in answers] == [413]
    assert live.upstream.requests == []
    unharmed(live, answers)


def test_nothing_behind_a_goodbye_is_run(live: Live) -> None:
    """`Connection: close` makes a request the connection's last."""
    goodbye = request("GET", "/bye", [("Connection", "close")])

    answers = exchanged(live, goodbye + numbered(1))

    statuses = [given.status for given in answers]
    assert statuses in ([200], [400])
    assert len(live.upstream.requests) == statuses.count(200)
    unharmed(live, answers)
