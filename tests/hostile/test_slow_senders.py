"""Callers that stop, dribble or hang up."""

import socket
import struct
from collections.abc import Callable

import pytest

from tests.gateway_process import Live
from tests.hostile.strike import head, post, unharmed
from tests.upstreams import Step, answer
from tests.wire import Caller, Cut, request

pytestmark = pytest.mark.e2e


def hang_up(caller: Caller) -> None:
    caller.socket.close()


def reset(caller: Caller) -> None:
    linger = struct.pack("ii", 1, 0)  # for no time: the close is a reset
    caller.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    caller.socket.close()


def half_close(caller: Caller) -> None:
    """Say that nothing more comes, and go on listening."""
    caller.socket.shutdown(socket.SHUT_WR)
    try:
        while caller.read() is not None:
            pass
    except Cut:
        return


ENDINGS = {"hang-up": hang_up, "reset": reset, "half-close": half_close}
PIECES = {
    "nothing": b"",
    "method": b"PO",
    "line": b"POST /loans HTTP/1.1\r\n",
    "name": b"POST /loans HTTP/1.1\r\nHos",
    "head": post(b"Content-Length: 5")[:-2],
    "last-cr": post(b"Content-Length: 0")[:-1],
    "before-body": post(b"Content-Length: 5"),
    "in-body": post(b"Content-Length: 5", body=b"he"),
    "in-upload": head(
        "POST /customers/1/documents HTTP/1.1",
        b"Content-Length: 9000000",
        body=bytes(2_000_000),
    ),
    "before-chunks": post(b"Transfer-Encoding: chunked"),
    "in-chunk-size": post(b"Transfer-Encoding: chunked", body=b"5"),
    "in-chunk": post(b"Transfer-Encoding: chunked", body=b"5\r\nhe"),
    "before-last-chunk": post(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n"),
    "in-last-chunk": post(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n"),
    "in-trailer": post(b"Transfer-Encoding: chunked", body=b"0\r\nX: y"),
    "in-huge-chunk": post(
        b"Transfer-Encoding: chunked", body=b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n"
    ),
    "waiting-to-continue": post(b"Expect: 100-continue", b"Content-Length: 5"),
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
def test_a_request_that_never_ends_is_never_sent(
    live: Live, piece: bytes, ending: Callable[[Caller], None]
) -> None:
    """Half a loan is no loan."""
    live.reset()

    with Caller(live.port) as caller:
        caller.send(piece)
        ending(caller)

    unharmed(live, [])
    assert [got.target for got in live.upstream.requests] == ["/v3/after"]


WHOLE = {
    "get": request("GET", "/customers", [("X-A", "b" * 50)]),
    "post": request("POST", "/loans", [("Idempotency-Key", "slow")], b"hello"),
    "chunks": post(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("raw", WHOLE.values(), ids=WHOLE)
def test_a_request_that_comes_byte_by_byte_is_served_once(
    live: Live, raw: bytes
) -> None:
    """Where packets end means nothing."""
    live.reset()

    with Caller(live.port) as caller:
        for at in range(len(raw)):
            caller.send(raw[at : at + 1])
        given = caller.read()

    assert given is not None
    assert given.status == 200
    unharmed(live, [given])
    assert len(live.upstream.requests) == 2


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize("raw", WHOLE.values(), ids=WHOLE)
def test_a_caller_that_leaves_has_sent_at_most_one_request(
    live: Live, raw: bytes, ending: Callable[[Caller], None]
) -> None:
    """Nobody waits for the answer, and nothing is sent again because of that."""
    live.reset()

    with Caller(live.port) as caller:
        caller.send(raw)
        ending(caller)

    unharmed(live, [])
    assert len(live.upstream.requests) <= 2


def test_a_caller_that_leaves_during_the_answer_harms_nobody(live: Live) -> None:
    """Dinie's answer to it is thrown away, quietly."""
    live.reset()
    live.upstream.script(Step(answer(body=bytes(3_000_000)), held=True))

    with Caller(live.port) as caller:
        caller.send(request("GET", "/customers"))
        live.upstream.wait_for(1)
        reset(caller)
    live.upstream.release()

    unharmed(live, [])
    assert len(live.upstream.requests) == 2


def test_callers_that_leave_give_their_places_back(live: Live) -> None:
    """A hundred lost slots would be the end of service."""
    live.reset()
    live.upstream.default = Step(answer(body=bytes(3_000_000)))

    for _ in range(100):
        with Caller(live.port) as caller:
            caller.send(request("GET", "/customers"))
            caller.wait()
            reset(caller)

    live.upstream.default = Step()
    unharmed(live, [])
    assert "dinie_gateway_in_flight 0.0" in live.gateway.admin("/metrics")[1]


def test_a_post_whose_caller_left_is_finished_once(live: Live) -> None:
    """It is on its way: cutting it off would leave its outcome unknown."""
    live.reset()
    live.upstream.script(Step(answer(201), held=True))
    posted = request("POST", "/loans", [("Idempotency-Key", "left")], b"{}")

    with Caller(live.port) as caller:
        caller.send(posted)
        live.upstream.wait_for(1)
        reset(caller)
    live.upstream.release()
    unharmed(live, [])

    assert [got.target for got in live.upstream.requests] == ["/v3/loans", "/v3/after"]


def test_a_body_has_no_more_time_than_its_request(live: Live) -> None:
    """A caller that gives itself half a second hears after it, body or not."""
    line = "POST /loans HTTP/1.1"
    with Caller(live.port) as caller:
        caller.send(head(line, b"Content-Length: 5", b"X-Request-Timeout-Ms: 500"))
        caller.wait()
        answer = caller.read()

    assert answer is not None
    assert (answer.status, answer.get("X-Gateway-Error")) == (400, "bad-request")


@pytest.mark.parametrize("chunk", [b"zz\r\nhello", b"5;\nhello", b"5\r\nhelloXX"])
def test_a_body_that_turns_out_malformed_is_refused_at_once(
    live: Live, chunk: bytes
) -> None:
    """It held a place for 25 s, and its caller was told that it came too slowly."""
    live.reset()

    with Caller(live.port) as caller:
        caller.send(post(b"Transfer-Encoding: chunked", b"Expect: 100-continue"))
        caller.wait()  # the body is awaited now
        caller.send(chunk + b"\r\n0\r\n\r\n")
        given = caller.read()

        assert given is not None
        assert (given.status, b"is malformed" in given.body) == (400, True)
        assert caller.closed
    unharmed(live, [given])
