"""Which requests count as the same one."""

import tempfile
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.idempotency.fingerprint import boundary_of, fingerprint_of
from gateway.message import Body, Exchange

PARTS = (
    ("Content-Disposition: form-data; name=type", b"cnh"),
    (
        (
            "Content-Disposition: form-data; name=file; filename=a.pdf\r\n"
            "Content-Type: application/pdf"
        ),
        b"%PDF-1.4\r\n\x00\xff --b is no boundary",
    ),
)
Parts = tuple[tuple[str, bytes], ...]


def multipart(parts: Parts, boundary: str) -> bytes:
    whole = b"".join(
        f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    )
    return whole + f"--{boundary}--\r\n".encode()


async def printed(
    body: bytes,
    content_type: str = "application/json",
    *,
    method: str = "POST",
    target: str = "/loans",
    spilled: bool = False,
) -> bytes:
    exchange = Exchange("id", method, target, 0.0, content_type=content_type)
    if not spilled:
        exchange.body = Body(body)
        return await fingerprint_of(exchange)
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.flush()
        exchange.body = Body(file=cast("BinaryIO", file))
        return await fingerprint_of(exchange)


async def printed_parts(parts: Parts, boundary: str) -> bytes:
    content_type = f'multipart/form-data; boundary="{boundary}"'
    return await printed(multipart(parts, boundary), content_type)


async def test_the_same_request_has_the_same_fingerprint() -> None:
    """A repeat is recognised, and not refused."""
    assert await printed(b'{"a":1}') == await printed(b'{"a":1}')


@pytest.mark.parametrize(
    ("body", "method", "target"),
    [
        pytest.param(b"{}", "PUT", "/loans", id="method"),
        pytest.param(b"{}", "POST", "/loan", id="path"),
        pytest.param(b"{}", "POST", "/loans?a=1", id="query"),
        pytest.param(b"{ }", "POST", "/loans", id="body"),
        pytest.param(b"", "POST", "/loans", id="no-body"),
        pytest.param(b"s{}", "POST", "/loan", id="a-byte-moved-over"),
    ],
)
async def test_any_other_request_has_another_fingerprint(
    body: bytes, method: str, target: str
) -> None:
    """One key for two loans is noticed."""
    other = await printed(body, method=method, target=target)

    assert other != await printed(b"{}")


async def test_a_new_boundary_does_not_make_another_upload() -> None:
    """SDKs draw a new boundary on each of their retries."""
    first = await printed_parts(PARTS, "first-boundary")

    assert await printed_parts(PARTS, "second") == first


async def test_a_part_s_header_of_no_meaning_does_not_count() -> None:
    """Content-Length of a part and the order of its headers are noise."""
    head = (
        "content-type:  application/pdf\r\nX-Noise: 1\r\n"
        "CONTENT-DISPOSITION: form-data; name=file; filename=a.pdf"
    )

    noisy = await printed_parts((PARTS[0], (head, PARTS[1][1])), "b1")

    assert noisy == await printed_parts(PARTS, "b2")


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((PARTS[0], (PARTS[1][0], b"%PDF-1.5")), id="content"),
        pytest.param(
            (("Content-Disposition: form-data; name=kind", b"cnh"), PARTS[1]), id="name"
        ),
        pytest.param((PARTS[1], PARTS[0]), id="order"),
        pytest.param((PARTS[0],), id="a-part-less"),
        pytest.param((*PARTS, PARTS[0]), id="a-part-more"),
    ],
)
async def test_any_other_parts_make_another_upload(parts: Parts) -> None:
    """A second document under the first one's key would be lost."""
    assert await printed_parts(parts, "b") != await printed_parts(PARTS, "b")


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param("preamble--{0}\r\nA: b\r\n\r\nc\r\n--{0}--\r\n", id="preamble"),
        pytest.param("--{0}\r\nA: b\r\n\r\nc\r\n", id="unended"),
        pytest.param("--{0}\r\nA: b\r\nc\r\n--{0}--\r\n", id="head-without-end"),
        pytest.param("--{0}\r\nA: b\r\n\r\nc\r\n--{0} \r\n", id="odd-delimiter"),
        pytest.param("--{0}\r\nA: b\r\n\r\nc\r\n--{0}--\r\nd", id="epilogue"),
        pytest.param("--{0}\r\n\r\n\r\n" * 1001 + "--{0}--\r\n", id="many-parts"),
        pytest.param("", id="empty"),
    ],
)
async def test_a_malformed_upload_counts_by_its_bytes(shape: str) -> None:
    """What cannot be read is compared strictly, never loosely."""
    form = "multipart/form-data; boundary="

    first = await printed(shape.format("one").encode(), form + "one")
    again = await printed(shape.format("one").encode(), form + "one")
    other = await printed(shape.format("two").encode() or b"!", form + "two")

    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(b'{"a":1}', "application/json", id="plain"),
        pytest.param(multipart(PARTS, "b"), "multipart/form-data; boundary=b", id="up"),
        pytest.param(b"--b broken", "multipart/form-data; boundary=b", id="malformed"),
    ],
)
async def test_a_spilled_body_counts_like_one_in_memory(
    body: bytes, content_type: str
) -> None:
    """Where we keep a body is nobody's business."""
    spilled = await printed(body, content_type, spilled=True)

    assert spilled == await printed(body, content_type)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        pytest.param("multipart/form-data; boundary=abc", b"abc", id="plain"),
        pytest.param('Multipart/Mixed; boundary="a b"', b"a b", id="quoted"),
        pytest.param("multipart/form-data", None, id="none"),
        pytest.param("application/json; boundary=abc", None, id="no-multipart"),
        pytest.param("", None, id="no-type"),
    ],
)
def test_the_boundary_is_read_as_rfc_2046_has_it(
    content_type: str, boundary: bytes | None
) -> None:
    """A quoted boundary may hold spaces."""
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param("boundary*=idna''%FF%FE", id="codec-without-replacement"),
        pytest.param("boundary*=undefined''a", id="codec-that-always-fails"),
        pytest.param("boundary*=punycode''a%ff", id="not-its-codec"),
        pytest.param("boundary*=unicode_escape''%5Cud800", id="surrogate"),
        pytest.param("boundary*0=a; boundary*=b", id="numbered-and-not"),
        pytest.param("\udcff; boundary", id="raw-byte"),
    ],
)
def test_a_boundary_that_cannot_be_read_is_none(parameters: str) -> None:
    """No header that a caller makes up ends in a 500."""
    assert boundary_of("multipart/form-data; " + parameters) is None


@given(
    st.lists(
        st.sampled_from(
            ["boundary", "*", "=", "0", "1", "'", "utf-7", "idna", "%FF", ";", " "]
        )
        | st.text(max_size=2),
        max_size=12,
    )
)
def test_no_content_type_is_too_odd(texts: list[str]) -> None:
    """It is read before anything is sent, so a fault here would refuse the call."""
    boundary = boundary_of("multipart/x;" + "".join(texts))

    assert boundary is None or boundary


async def test_an_upload_is_never_taken_for_a_body_of_bytes() -> None:
    """The same key for a form and for its bytes is two requests."""
    body = multipart(PARTS, "b")

    assert await printed(body, "text/plain") != await printed_parts(PARTS, "b")


CONTENTS = st.lists(
    st.binary(max_size=60).filter(lambda text: b"--" not in text),
    min_size=1,
    max_size=4,
)


def named(contents: list[bytes]) -> Parts:
    return tuple(
        (f"Content-Disposition: form-data; name=p{number}", content)
        for number, content in enumerate(contents)
    )


@given(one=CONTENTS, other=CONTENTS)
async def test_uploads_are_the_same_exactly_when_their_parts_are(
    one: list[bytes], other: list[bytes]
) -> None:
    """No clever body makes two uploads one, and no boundary makes one two."""
    first = await printed_parts(named(one), "b1")
    second = await printed_parts(named(other), "b2")

    assert (first == second) == (one == other)
