"""Answers that are no HTTP, or more than one answer."""

import pytest

from tests.gateway_process import Live
from tests.hostile.strike import unharmed
from tests.upstreams import TOKEN, Step, answer
from tests.wire import ask, request

pytestmark = pytest.mark.e2e

OK = b"HTTP/1.1 200 OK\r\n"
MALFORMED = {
    "nothing-of-http": b"\x15\x03\x01\x00\x02\x02\x16",
    "html-only": b"<html>502 Bad Gateway</html>\r\n\r\n",
    "no-status": b"HTTP/1.1 \r\n\r\n",
    "status-word": b"HTTP/1.1 OK 200\r\n\r\n",
    "status-long": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "status-none": b"HTTP/1.1 000 No\r\nContent-Length: 2\r\n\r\n{}",
    "switched": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n{}",
    "switched-in-full": b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
    b"Upgrade: websocket\r\n\r\n{}",
    "two-lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "length-negative": OK + b"Content-Length: -2\r\n\r\n{}",
    "length-plus": OK + b"Content-Length: +2\r\n\r\n{}",
    "length-word": OK + b"Content-Length: two\r\n\r\n{}",
    "empty-name": OK + b": b\r\nContent-Length: 2\r\n\r\n{}",
    "nul-in-value": OK + b"X-A: a\0b\r\nContent-Length: 2\r\n\r\n{}",
    "chunk-word": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "chunk-negative": OK + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    "header-endless": OK + b"X-A: " + b"a" * 40_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "headers-endless": OK + b"X-A: a\r\n" * 20_000 + b"Content-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_answer_becomes_a_problem_of_ours(live: Live, raw: bytes) -> None:
    """The caller is told what happened; nothing malformed is passed on."""
    live.reset()
    live.upstream.default = Step(raw, "close")

    got = ask(live.port, request("GET", "/customers"))
    live.reset()

    assert (got.status, got.get("X-Gateway-Error")) == (502, "upstream-protocol")
    assert TOKEN.encode() not in got.raw
    unharmed(live, [got])


AMBIGUOUS = {
    "two-frames": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 60\r\n\r\n"
    b"2\r\n{}\r\n0\r\n\r\n",
    "space-before-colon": OK + b"Content-Length : 2\r\n\r\n{}",
    "folded": OK + b"X-A: a\r\n Set-Cookie: x=1\r\nContent-Length: 2\r\n\r\n{}",
    "bare-lf": b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
    "bare-cr": OK + b"X-A: a\rSet-Cookie: x=1\r\nContent-Length: 2\r\n\r\n{}",
    "no-utf-8": OK + b"X-A: \xff\xfe\r\nContent-Length: 2\r\n\r\n{}",
    "reason-no-utf-8": b"HTTP/1.1 200 \xff\xfe\r\nContent-Length: 2\r\n\r\n{}",
    "reason-control": b"HTTP/1.1 200 a\x1b[2J\r\nContent-Length: 2\r\n\r\n{}",
    "odd-version": b"HTTP/1.7 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "new-version": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "gzip-coding": OK + b"Transfer-Encoding: gzip\r\n\r\n{}",
    "status-999": b"HTTP/1.1 999 No\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("raw", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a_doubtful_answer_is_made_clear_or_refused(live: Live, raw: bytes) -> None:
    """The caller's own parser must not have to guess either."""
    live.reset()
    live.upstream.default = Step(raw, "close")

    got = ask(live.port, request("GET", "/customers"))
    live.reset()

    if got.get("X-Gateway-Error") is None:
        assert got.line.startswith(b"HTTP/1.1 ")
        assert got.body == b"{}"
        assert got.all("Set-Cookie") == []
        assert not set(got.raw) & set(b"\x1b\0\xff\xfe")
    unharmed(live, [got])


POISON = answer(200, b"poison")


def test_a_second_answer_is_for_nobody(live: Live) -> None:
    """What is left on a shared connection must not answer the next caller."""
    live.reset()
    live.upstream.script(Step(answer(200, b"first") + POISON))

    got = [ask(live.port, request("GET", f"/customers/{n}")).body for n in range(3)]

    assert got == [b"first", b"{}", b"{}"]


def test_an_answer_to_no_question_is_for_nobody(live: Live) -> None:
    """A server that talks while nobody asks has lost its place."""
    live.reset()
    expected = answer(200, b"first")
    late = Step(expected + POISON, held=True, sent_first=len(expected))
    live.upstream.script(late)

    first = ask(live.port, request("GET", "/customers"))
    live.upstream.release()
    live.upstream.wait_written(1)
    rest = [ask(live.port, request("GET", f"/customers/{n}")).body for n in range(20)]

    assert first.body == b"first"
    assert rest == [b"{}"] * 20


def test_a_body_that_was_not_to_come_is_for_nobody(live: Live) -> None:
    """Bytes behind a 204 or an answer to HEAD are not the next answer."""
    live.reset()
    live.upstream.script(Step(b"HTTP/1.1 204 No Content\r\n\r\n" + POISON))

    first = ask(live.port, request("DELETE", "/webhooks/endpoints/1"))
    second = ask(live.port, request("GET", "/customers"))

    assert (first.status, second.body) == (204, b"{}")
