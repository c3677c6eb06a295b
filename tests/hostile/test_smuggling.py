"""Bodies with two possible ends: read one way, or not at all."""

import pytest

from tests.gateway_process import Live
from tests.hostile.strike import CLOSED, REFUSED, Attack, assert_harmless, head, post

pytestmark = pytest.mark.e2e

CHUNKED = b"Transfer-Encoding: chunked"
HIDDEN = b"GET /smuggled HTTP/1.1\r\nHost: b\r\n\r\n"
SIZE = b"Content-Length: " + str(len(HIDDEN)).encode()
HIDDEN_CHUNKS = b"0\r\n\r\n" + HIDDEN
HELLO = b"5\r\nhello\r\n0\r\n\r\n"
LOANS = ("/v3/loans",)


def length(value: bytes, body: bytes = b"hello") -> bytes:
    return post(b"Content-Length: " + value, body=body)


def both(coding: bytes) -> bytes:
    """A length that covers the hidden request, beside some Transfer-Encoding."""
    size = str(len(HIDDEN_CHUNKS)).encode()
    return post(b"Content-Length: " + size, coding, body=HIDDEN_CHUNKS)


TWO_FRAMES = {
    "cl-te": both(CHUNKED),
    "te-cl": post(CHUNKED, b"Content-Length: 4", body=b"5c\r\n" + HIDDEN),
    "te-with-tab": both(b"Transfer-Encoding:\tchunked"),
    "te-with-spaces": both(b"Transfer-Encoding:   chunked  "),
    "te-vertical-tab": both(b"Transfer-Encoding:\x0bchunked"),
    "te-space-before-colon": both(b"Transfer-Encoding : chunked"),
    "te-tab-before-colon": both(b"Transfer-Encoding\t: chunked"),
    "te-leading-space": both(b" Transfer-Encoding: chunked"),
    "te-upper-case": both(b"TRANSFER-ENCODING: CHUNKED"),
    "te-folded": both(b"Transfer-Encoding:\r\n chunked"),
    "te-folded-after": both(b"Transfer-Encoding: chunked\r\n x"),
    "te-quoted": both(b'Transfer-Encoding: "chunked"'),
    "te-misspelt": both(b"Transfer-Encoding: xchunked"),
    "te-not-last": both(b"Transfer-Encoding: chunked, identity"),
    "te-identity-first": both(b"Transfer-Encoding: identity, chunked"),
    "te-empty": both(b"Transfer-Encoding:"),
    "te-comma": both(b"Transfer-Encoding: ,chunked"),
    "te-nul": both(b"Transfer-Encoding: chunked\x00"),
    "te-bare-cr": both(b"Transfer-Encoding: chunked\rX: y"),
    "te-bare-lf": both(b"X: y\nTransfer-Encoding: chunked"),
    "te-underscore": both(b"Transfer_Encoding: chunked"),
    "te-twice": both(CHUNKED + b"\r\n" + CHUNKED),
    "te-then-other": both(CHUNKED + b"\r\nTransfer-Encoding: cow"),
    "te-twice-alone": post(CHUNKED, CHUNKED, body=HELLO),
    "te-unknown-alone": post(b"Transfer-Encoding: cow", body=HELLO),
    "te-gzip-alone": post(b"Transfer-Encoding: gzip, chunked", body=HELLO),
    "te-not-last-alone": post(b"Transfer-Encoding: chunked, gzip", body=HELLO),
    "te-twice-chunked-alone": post(b"Transfer-Encoding: chunked, chunked", body=HELLO),
    "cl-twice": post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello!"),
    "cl-twice-alike": post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
    "cl-list": length(b"5, 5"),
    "cl-list-differs": length(b"5,6", b"hello!"),
    "cl-plus": length(b"+5"),
    "cl-minus": length(b"-5"),
    "cl-two-numbers": length(b"5 5"),
    "cl-hex": length(b"0x5"),
    "cl-fraction": length(b"5.0"),
    "cl-exponent": length(b"5e0"),
    "cl-empty": length(b""),
    "cl-underscored": length(b"0_5"),
    "cl-fullwidth": length("\N{FULLWIDTH DIGIT FIVE}".encode()),
    "cl-over-64-bits": length(b"18446744073709551621"),
    "cl-folded": length(b"5\r\n 0"),
    "cl-disguised": post(b"Content_Length: 5", b"Content-Length: 5", body=b"hello"),
}


@pytest.mark.parametrize("raw", TWO_FRAMES.values(), ids=TWO_FRAMES)
def test_a_body_with_two_ends_is_refused_unsent(live: Live, raw: bytes) -> None:
    """Two servers that see its end in two places run a request nobody authorised."""
    assert_harmless(live, Attack(raw, (400, 501, CLOSED)))


BAD_CHUNKS = {
    "hex-prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "minus": b"-5\r\nhello\r\n0\r\n\r\n",
    "underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "space-before": b" 5\r\nhello\r\n0\r\n\r\n",
    "not-a-number": b"zz\r\nhello\r\n0\r\n\r\n",
    "empty": b"\r\nhello\r\n0\r\n\r\n",
    "overflow": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "no-crlf-after-data": b"5\r\nhello0\r\n\r\n",
    "longer-than-said": b"3\r\nhello\r\n0\r\n\r\n",
    "bare-lf": b"5\nhello\n0\n\n",
    "bare-lf-after-size": b"5\nhello\r\n0\r\n\r\n",
    "bare-lf-after-data": b"5\r\nhello\n0\r\n\r\n",
    "bare-cr-after-size": b"5\rhello\r\n0\r\n\r\n",
    "extension-bare-lf": b"5;a\nhello\r\n0\r\n\r\n",
    "extension-bare-cr": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "extension-nul": b"5;a=\x00\r\nhello\r\n0\r\n\r\n",
    "trailer-space-before-colon": b"5\r\nhello\r\n0\r\nX : y\r\n\r\n",
    "trailer-no-colon": b"5\r\nhello\r\n0\r\nGET /smuggled HTTP/1.1\r\n\r\n",
    "trailer-folded": b"5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n",
    "trailers-endless": b"5\r\nhello\r\n0\r\n" + b"X: y\r\n" * 5_000 + b"\r\n",
}


@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS)
def test_malformed_chunks_are_refused_unsent(live: Live, body: bytes) -> None:
    """A server in front that reads a chunk differently must not be outwitted."""
    assert_harmless(live, Attack(post(CHUNKED, body=body), (400, 413, CLOSED)))


GOOD_CHUNKS = {
    "plain": HELLO,
    "upper-case-and-zeros": b"0005\r\nhello\r\n000\r\n\r\n",
    "extension": b'5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n',
    "extension-long": b"5;" + b"a" * 40_000 + b"\r\nhello\r\n0\r\n\r\n",
    "trailer-host": b"5\r\nhello\r\n0\r\nHost: b\r\n\r\n",
    "trailer-length": b"5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n",
    "trailer-coding": b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "trailer-authorization": b"5\r\nhello\r\n0\r\nAuthorization: Bearer x\r\n\r\n",
    "trailer-key": b"5\r\nhello\r\n0\r\nIdempotency-Key: one\r\n\r\n",
    "junk-behind": HELLO + b"XXXX",
}


@pytest.mark.parametrize("body", GOOD_CHUNKS.values(), ids=GOOD_CHUNKS)
def test_chunks_arrive_as_one_body_without_trailers(live: Live, body: bytes) -> None:
    """A legal caller is served, and what hides in trailers never becomes a header."""
    attack = Attack(post(CHUNKED, body=body), (200, *REFUSED), LOANS, b"hello")
    assert_harmless(live, attack)


ONE_FRAME = {
    "get-with-body": head("GET /loans HTTP/1.1", SIZE, body=HIDDEN),
    "delete-with-body": head("DELETE /loans HTTP/1.1", SIZE, body=HIDDEN),
    "connection-names-length": post(
        b"Connection: content-length, transfer-encoding", SIZE, body=HIDDEN
    ),
    "old-version": head("POST /loans HTTP/1.0", SIZE, body=HIDDEN),
    "chunk": post(CHUNKED, body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)),
}


@pytest.mark.parametrize("raw", ONE_FRAME.values(), ids=ONE_FRAME)
def test_a_request_inside_a_body_stays_inside_it(live: Live, raw: bytes) -> None:
    """A body is data, whatever it looks like: Dinie sees one request."""
    assert_harmless(live, Attack(raw, (200,), LOANS, HIDDEN))


def test_chunks_of_an_old_version_never_become_two_requests(live: Live) -> None:
    """HTTP/1.0 has no chunks: whoever reads them differently closes the connection."""
    raw = head("POST /loans HTTP/1.0", CHUNKED, b"Connection: keep-alive", body=HELLO)

    assert_harmless(live, Attack(raw, (200, 501, *REFUSED), LOANS, b"hello"))


def test_a_refused_request_takes_its_body_with_it(live: Live) -> None:
    """The body of a request that was refused by its head is not run as the next."""
    assert_harmless(
        live, Attack(head("POST /a/../b HTTP/1.1", SIZE, body=HIDDEN), (400,))
    )
