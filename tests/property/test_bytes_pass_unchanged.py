"""Whatever a caller and Dinie say to each other arrives byte for byte."""

import gzip
import re
from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.gateway_process import Live
from tests.upstreams import Received, Step, answer
from tests.wire import Answer, ask, request

pytestmark = pytest.mark.e2e
EXAMPLES = settings(derandomize=True, max_examples=200, deadline=None, database=None)

HEX = "0123456789abcdefABCDEF"
ENCODED = st.builds("%{}{}".format, st.sampled_from(HEX), st.sampled_from(HEX))
PLAIN = "abcXYZ019-._~!$&'()*+,;=:@"


def texts(characters: str) -> st.SearchStrategy[str]:
    """Return texts of these characters and of percent-encoded bytes."""
    return st.lists(st.sampled_from(characters) | ENCODED, max_size=24).map("".join)


PATHS = texts(PLAIN + "/")
QUERIES = st.none() | texts(PLAIN + '/?"<>[]^`{|}')
PREFIXES = st.sampled_from(["", "/v3", "/api/v3"])
CODINGS = st.sampled_from([None, "gzip", "deflate", "br", "zstd", "identity", "x-none"])
TYPES = st.sampled_from([None, "application/json", "text/html", "image/png"])
STATUSES = st.sampled_from([200, 201, 202, 206, 301, 400, 403, 404, 409, 410, 422, 501])
VALUES = st.text(
    st.characters(min_codepoint=0x21, exclude_categories=["Cs", "Cc"]), max_size=60
)


def sent(live: Live, raw: bytes) -> Received:
    """Send a request; return what Dinie got of it."""
    live.reset()
    assert ask(live.port, raw).status == 200
    (received,) = live.upstream.requests
    return received


def relayed(live: Live, raw: bytes, then: Any = "keep") -> Answer:
    """Have Dinie answer so; return what the caller gets of it."""
    live.reset()
    live.upstream.script(Step(raw, then))
    return ask(live.port, request("GET", "/customers"))


def headers(**named: str | None) -> list[tuple[str, str]]:
    return [
        (name.replace("_", "-"), value)
        for name, value in named.items()
        if value is not None
    ]


def readings(path: str) -> Iterator[str]:
    """Yield a path as it is read by who decodes once, twice, and so on."""
    while (decoded := unquote(path, errors="surrogateescape")) != path:
        yield decoded.replace("\\", "/")
        path = decoded
    yield path


def chunked(pieces: list[bytes]) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece)


@EXAMPLES
@given(body=st.binary(max_size=4096), kind=TYPES, coding=CODINGS)
@example(body=gzip.compress(b'{"a": 1}', mtime=0), kind=None, coding="gzip")
@example(body=b"\x1f\x8b no gzip at all", kind="application/json", coding="gzip")
@example(body=b"GET / HTTP/1.1\r\n\r\n", kind=None, coding=None)
def test_a_body_reaches_dinie_as_it_was_sent(
    live: Live, body: bytes, kind: str | None, coding: str | None
) -> None:
    """A signature over the body, or a JSON number, does not survive re-encoding."""
    given_headers = headers(Content_Type=kind, Content_Encoding=coding)

    received = sent(live, request("POST", "/loans", given_headers, body))

    assert received.body == body
    assert received.all("Content-Length") == [str(len(body))]
    assert received.all("Content-Type") == ([kind] if kind else [])
    assert received.all("Content-Encoding") == ([coding] if coding else [])


@EXAMPLES
@given(pieces=st.lists(st.binary(min_size=1, max_size=600), max_size=6))
def test_a_chunked_body_reaches_dinie_with_its_length(
    live: Live, pieces: list[bytes]
) -> None:
    """A retry needs the whole body anyway, so its length is known."""
    framing = [("Transfer-Encoding", "chunked")]
    raw = request("POST", "/loans", framing) + chunked(pieces) + b"0\r\n\r\n"

    received = sent(live, raw)

    assert received.body == b"".join(pieces)
    assert received.all("Transfer-Encoding") == []


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 3_000_017])
def test_an_upload_on_disk_reaches_dinie_as_it_was_sent(live: Live, size: int) -> None:
    """Over a megabyte the body passes through a file."""
    body = Random(size).randbytes(size)

    received = sent(live, request("POST", "/customers/cust_1/documents", (), body))

    assert received.body == body


@EXAMPLES
@given(prefix=PREFIXES, path=PATHS, query=QUERIES)
@example(prefix="", path="%2F%3A%25;x=1//a%2Fb", query="")
@example(prefix="/v3", path="v3", query="a=b?c=/v3")
@example(prefix="/api/v3", path="%7Euser/%E0%A4", query="%00%0d%0a%ff")
@example(prefix="", path="a..b/...;..", query="../..")
def test_a_target_reaches_dinie_as_it_was_encoded(
    live: Live, prefix: str, path: str, query: str | None
) -> None:
    """`%2F` and `/` are two resources; only the accepted prefix is replaced."""
    # Refused: what some server could read as a control character or a dot segment.
    for decoded in readings(path):
        assume(not re.search(r"(^|/)\.\.?(/|;|$)|[\x00-\x1f\x7f]", decoded))
    target = "/customers/" + path + ("" if query is None else "?" + query)

    received = sent(live, request("GET", prefix + target))

    assert received.target == "/v3" + target


@EXAMPLES
@given(value=VALUES)
@example(value="José 🙂")
def test_a_header_reaches_dinie_as_it_was_sent(live: Live, value: str) -> None:
    """Traces and languages are the caller's business."""
    encoded = value.encode().decode("latin-1")

    received = sent(live, request("GET", "/customers", [("X-Note", encoded)]))

    assert received.all("X-Note") == [encoded.strip(" \t")]


@EXAMPLES
@given(body=st.binary(max_size=4096), status=STATUSES, kind=TYPES, coding=CODINGS)
@example(body=b"", status=200, kind=None, coding=None)
@example(
    body=gzip.compress(b"{}", mtime=0), status=200, kind="text/html", coding="gzip"
)
@example(body=b"\x1f\x8b\x08 cut", status=422, kind=None, coding="gzip")
def test_an_answer_reaches_the_caller_as_dinie_gave_it(
    live: Live, body: bytes, status: int, kind: str | None, coding: str | None
) -> None:
    """The gateway has no opinion on what Dinie says."""
    named = headers(Content_Type=kind, Content_Encoding=coding)

    got = relayed(live, answer(status, body, named))

    assert (got.status, got.body) == (status, body)
    assert got.get("Content-Length") == str(len(body))
    assert (got.get("Content-Type"), got.get("Content-Encoding")) == (kind, coding)


@EXAMPLES
@given(pieces=st.lists(st.binary(min_size=1, max_size=600), max_size=6))
def test_a_chunked_answer_reaches_the_caller_whole(
    live: Live, pieces: list[bytes]
) -> None:
    """How it was framed is hop by hop, what it says is not."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    got = relayed(live, head + chunked(pieces) + b"0\r\n\r\n")

    assert (got.status, got.body) == (200, b"".join(pieces))


@EXAMPLES
@given(body=st.binary(max_size=4096))
def test_an_answer_that_ends_with_its_connection_is_whole(
    live: Live, body: bytes
) -> None:
    """An old server says nothing about the length."""
    got = relayed(live, b"HTTP/1.1 200 OK\r\n\r\n" + body, "close")

    assert (got.status, got.body) == (200, body)


@EXAMPLES
@given(value=VALUES)
def test_a_header_reaches_the_caller_as_dinie_gave_it(live: Live, value: str) -> None:
    """What Dinie says of its quota or of a request is for the caller too."""
    encoded = value.encode().decode("latin-1")

    got = relayed(live, answer(headers=[("X-Dinie-Note", encoded)]))

    assert got.get("X-Dinie-Note") == encoded.strip(" \t")
