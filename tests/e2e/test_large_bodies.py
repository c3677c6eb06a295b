"""Bodies that do not fit in memory, both ways."""

import hashlib
import time
from random import Random
from typing import Literal

import psutil
import pytest

from tests.gateway_process import Live
from tests.upstreams import DROP, Step, answer
from tests.wire import Caller, Cut, ask, request

pytestmark = pytest.mark.e2e

MEGABYTE = 1024 * 1024
CAP = 25 * MEGABYTE
DOCUMENTS = "/customers/cust_1/documents"


def content(size: int) -> bytes:
    return Random(size).randbytes(size)


def chunked(body: bytes, size: int = 100_000) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


@pytest.mark.parametrize("framed", ["length", "chunks", "end-of-connection"])
@pytest.mark.parametrize("size", [MEGABYTE, MEGABYTE + 1, 5_000_003])
def test_a_large_answer_arrives_whole(live: Live, size: int, framed: str) -> None:
    """A list of transactions is as long as it is."""
    body = content(size)
    raw = {
        "length": answer(200, body),
        "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunked(body)
        + b"0\r\n\r\n",
        "end-of-connection": b"HTTP/1.1 200 OK\r\n\r\n" + body,
    }[framed]
    live.upstream.script(
        Step(raw, "close" if framed == "end-of-connection" else "keep")
    )

    got = ask(live.port, request("GET", "/loans/1/transactions"))

    assert (got.status, len(got.body)) == (200, size)
    assert got.body == body
    assert got.get("X-Gateway-Attempts") == "1"


def test_a_large_answer_begins_before_it_ends(live: Live) -> None:
    """The first bytes are the caller's while Dinie still writes the last."""
    raw = answer(200, content(5_000_000))
    live.upstream.script(Step(raw, held=True, sent_first=3_000_000))

    with Caller(live.port) as caller:
        caller.send(request("GET", "/loans/1/transactions"))
        caller.wait()
        live.upstream.release()
        got = caller.read()

    assert got is not None
    assert len(got.body) == 5_000_000


@pytest.mark.parametrize("framed", ["length", "chunks"])
@pytest.mark.parametrize("then", ["close", "reset"])
def test_a_cut_of_a_large_answer_cuts_the_callers_connection(
    live: Live, framed: str, then: Literal["close", "reset"]
) -> None:
    """Its head has gone out: only the cut itself can say that the rest is missing."""
    body = content(3_000_000)
    raw = {
        "length": answer(200, body, length=4_000_000),
        "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunked(body),
    }[framed]
    live.upstream.script(Step(raw, then, held=True, sent_first=2_500_000))

    with Caller(live.port) as caller:
        caller.send(request("GET", "/loans/1/transactions"))
        caller.wait()
        live.upstream.release()
        with pytest.raises(Cut):
            caller.read()
        assert caller.closed

    assert len(live.upstream.requests) == 1


def test_many_large_answers_do_not_stay_in_memory(live: Live) -> None:
    """A slow reader must cost its buffer, not its answer."""
    process = psutil.Process(live.gateway.process.pid)
    live.upstream.default = Step(answer(200, bytes(20_000_000)))
    before = process.memory_info().rss
    callers = [Caller(live.port) for _ in range(8)]
    for caller in callers:
        caller.send(request("GET", "/loans/1/transactions"))
        caller.wait()

    live.upstream.wait_for(8)
    time.sleep(0.5)  # for whatever would flow to flow
    grown = process.memory_info().rss - before
    for caller in callers:
        caller.socket.close()

    assert grown < 60_000_000


@pytest.mark.parametrize("framed", ["length", "chunks"])
@pytest.mark.parametrize("size", [MEGABYTE + 1, CAP])
def test_an_upload_arrives_intact(live: Live, size: int, framed: str) -> None:
    """A scanned contract that loses a byte is refused weeks later."""
    body = content(size)
    raw = request("POST", DOCUMENTS, (), body)
    if framed == "chunks":
        coded = [("Transfer-Encoding", "chunked")]
        raw = request("POST", DOCUMENTS, coded) + chunked(body) + b"0\r\n\r\n"

    got = ask(live.port, raw)

    (received,) = live.upstream.requests
    assert got.status == 200
    assert received.all("Content-Length") == [str(size)]
    digests = [hashlib.sha256(part).digest() for part in (received.body, body)]
    assert digests[0] == digests[1]


def test_an_upload_is_sent_again_intact(live: Live) -> None:
    """The file on disk is read from its start for every attempt."""
    body = content(3_000_000)
    live.upstream.script(DROP, Step(answer(503)))

    got = ask(live.port, request("POST", DOCUMENTS, (), body))

    assert (got.status, got.get("X-Gateway-Attempts")) == (200, "3")
    assert all(received.body == body for received in live.upstream.requests)
    keys = {tuple(got.all("Idempotency-Key")) for got in live.upstream.requests}
    assert len(keys) == 1


@pytest.mark.parametrize("framed", ["length", "chunks"])
@pytest.mark.parametrize(
    ("target", "size"), [(DOCUMENTS, CAP + 1), ("/loans", MEGABYTE + 1)]
)
def test_one_byte_too_many_is_refused_unsent(
    live: Live, target: str, size: int, framed: str
) -> None:
    """The cap is the route's, and known before Dinie is troubled."""
    body = bytes(size)
    raw = request("POST", target, (), body)
    if framed == "chunks":
        coded = [("Transfer-Encoding", "chunked")]
        raw = request("POST", target, coded) + chunked(body) + b"0\r\n\r\n"

    got = ask(live.port, raw)

    assert (got.status, got.get("X-Gateway-Error")) == (413, "request-too-large")
    assert live.upstream.requests == []
