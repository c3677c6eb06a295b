"""What the simulated Dinie reads in a body."""

import pytest

from gateway.simulator.api.bodies import body_fingerprint, read_json, read_parts
from gateway.simulator.response import Refusal

FORM = "multipart/form-data; boundary="


def part(boundary: str, content: str = "cnh") -> bytes:
    head = 'Content-Disposition: form-data; name="type"'
    return f"--{boundary}\r\n{head}\r\n\r\n{content}\r\n--{boundary}--\r\n".encode()


def test_no_body_is_no_fields() -> None:
    """Some POSTs carry nothing."""
    assert read_json("", b"") == {}


def test_parts_that_cannot_be_read_are_refused() -> None:
    """A boundary that does not fit is found out."""
    with pytest.raises(Refusal) as refused:
        read_parts(FORM + "a", part("b"))

    assert refused.value.reply.status == 400


def upload(*parts: bytes, end: bytes = b"--a--\r\n") -> bytes:
    return b"".join(b"--a\r\n" + part + b"\r\n" for part in parts) + end


NAMED = b'Content-Disposition: form-data; name="file"; filename="x"\r\n\r\n'


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\r\n", id="a-line"),
        pytest.param(b"\r\n\r\n--b\r\n\xff\x00\n", id="like-a-boundary"),
        pytest.param(b"x--a\r\n-a", id="the-boundary-within-a-line"),
        pytest.param(bytes(range(256)) * 2, id="all-bytes"),
    ],
)
def test_a_file_is_read_byte_for_byte(content: bytes) -> None:
    """A gateway that changes one is found out."""
    assert read_parts(FORM + "a", upload(NAMED + content)) == {"file": content}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param(FORM + "a", upload(NAMED + b"x", end=b""), id="cut"),
        pytest.param(FORM + "a", upload(b"X: y\r\n\r\nx"), id="no-name"),
        pytest.param(FORM + "a", upload(NAMED.rstrip()), id="no-blank-line"),
        pytest.param(FORM + "a", b"--a--\r\n", id="no-parts"),
        pytest.param("multipart/form-data", upload(NAMED), id="no-boundary"),
    ],
)
def test_parts_that_are_not_whole_are_refused(kind: str, body: bytes) -> None:
    """An upload that was cut on the way must not look like a short one."""
    with pytest.raises(Refusal) as refused:
        read_parts(kind, body)

    assert refused.value.reply.status == 400


def test_a_boundary_may_be_quoted_and_a_preamble_be_there() -> None:
    """Both are RFC 2046, and some clients do it."""
    body = b"preamble\r\n" + upload(NAMED + b"x") + b"epilogue"

    assert read_parts('Multipart/Form-Data; boundary="a"', body) == {"file": b"x"}


def test_an_upload_counts_by_its_parts() -> None:
    """A new boundary changes nothing, other content does."""
    first = body_fingerprint(FORM + "a", part("a"))

    assert body_fingerprint(FORM + "b", part("b")) == first
    assert body_fingerprint(FORM + "a", part("a", "ccmei")) != first
