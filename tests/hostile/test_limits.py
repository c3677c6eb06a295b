"""Heads and bodies that are too large, and the largest that are not."""

import pytest

from tests.gateway_process import Live
from tests.hostile.strike import CLOSED, Attack, assert_harmless, head, post
from tests.wire import request

pytestmark = pytest.mark.e2e

MEGABYTE = 1024 * 1024
TOO_LARGE = (400, 413, 414, 431, CLOSED)

HEADS = {
    "path": head("GET /" + "a" * 40_000 + " HTTP/1.1"),
    "query": head("GET /customers?" + "a" * 40_000 + " HTTP/1.1"),
    "value": head("GET /customers HTTP/1.1", b"X-A: " + b"a" * 40_000),
    "name": head("GET /customers HTTP/1.1", b"X-" + b"A" * 40_000 + b": a"),
    "line-without-end": b"GET /" + b"a" * MEGABYTE,
    "value-without-end": b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * MEGABYTE,
    "many": head("GET / HTTP/1.1", *(b"X-%d: a" % n for n in range(1_000))),
    "many-alike": head("GET / HTTP/1.1", *[b"X-A: a"] * 1_000),
    "many-without-end": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: a\r\n" * 50_000,
    "many-cookies": head("GET / HTTP/1.1", *[b"Cookie: a=b"] * 1_000),
}


@pytest.mark.parametrize("raw", HEADS.values(), ids=HEADS)
def test_an_oversized_head_is_refused_unsent(live: Live, raw: bytes) -> None:
    """One caller must not fill the memory that all of them need."""
    assert_harmless(live, Attack(raw, TOO_LARGE))


LARGEST = {
    "path": "/" + "a" * 8_000,
    "query": "/customers?q=" + "%20" * 2_500,
}


@pytest.mark.parametrize("target", LARGEST.values(), ids=LARGEST)
def test_a_long_but_ordinary_target_passes(live: Live, target: str) -> None:
    """8000 characters is what RFC 9112 asks every server to take."""
    assert_harmless(live, Attack(request("GET", target), (200,), ("/v3" + target,)))


def test_large_but_ordinary_headers_pass(live: Live) -> None:
    """Traces, baggage and cookies of a mesh are long."""
    fields = [(f"X-{number}", "a" * 100) for number in range(90)]
    fields.append(("Baggage", "b" * 12_000))

    attack = Attack(request("GET", "/banks", fields), (200,), ("/v3/banks",))
    assert_harmless(live, attack)


BODIES = {
    "declared": post(b"Content-Length: %d" % (MEGABYTE + 1)),
    "declared-and-sent": post(
        b"Content-Length: %d" % (MEGABYTE + 1), body=bytes(MEGABYTE + 1)
    ),
    "absurd": post(b"Content-Length: 999999999999"),
    "most-of-64-bits": post(b"Content-Length: 18446744073709551614"),
    "chunks": post(
        b"Transfer-Encoding: chunked",
        body=b"10000\r\n%b\r\n" % bytes(0x10000) * 17 + b"0\r\n\r\n",
    ),
    "one-byte-chunks": post(
        b"Transfer-Encoding: chunked",
        body=b"1\r\n.\r\n" * (MEGABYTE + 1) + b"0\r\n\r\n",
    ),
    "expected": post(b"Expect: 100-continue", b"Content-Length: %d" % (MEGABYTE + 1)),
}


@pytest.mark.parametrize("raw", BODIES.values(), ids=BODIES)
def test_an_oversized_body_is_refused_unsent(live: Live, raw: bytes) -> None:
    """It is refused as early as its size is known."""
    assert_harmless(live, Attack(raw, (400, 413, CLOSED)))


def test_a_body_of_exactly_the_cap_passes(live: Live) -> None:
    """The cap is a size that is allowed."""
    body = bytes(MEGABYTE)
    raw = request("POST", "/loans", (), body)

    assert_harmless(live, Attack(raw, (200,), ("/v3/loans",), body))
