"""Which requests count as the same one."""

import tempfile
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.exchange import Body
from gateway.idempotency.fingerprint import fingerprint_of
from tests.exchanges import new_exchange

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
    exchange = new_exchange("id", method, target, 0.0, content_type=content_type)
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


FORM = "multipart/form-data; boundary=b"
AMOUNT = 'Content-Disposition: form-data; name="amount"'
OTHER = 'Content-Disposition: form-data; name="other"'


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            AMOUNT.replace("; ", ";\r\n ", 1),
            OTHER.replace("; ", ";\r\n ", 1),
            id="folded",
        ),
        pytest.param(
            AMOUNT.replace("; n", ";\r\n\tn"),
            OTHER.replace("; n", ";\r\n\tn"),
            id="tab",
        ),
        pytest.param(f"{AMOUNT}\r\n{OTHER}", f"{OTHER}\r\n{AMOUNT}", id="twice"),
        pytest.param(f"X: y\n{AMOUNT}", f"X: y\n{OTHER}", id="bare-line-feed"),
        pytest.param(f"X: y\r{AMOUNT}", f"X: y\r{OTHER}", id="bare-return"),
        pytest.param("X-Name: amount", "X-Name: other", id="no-disposition"),
        pytest.param(
            f"Content_Disposition: form-data; name=a\r\n{OTHER}",
            f"Content_Disposition: form-data; name=b\r\n{OTHER}",
            id="underscore",
        ),
        pytest.param(
            AMOUNT.replace(":", " :"), OTHER.replace(":", " :"), id="blank-before-colon"
        ),
    ],
)
async def test_no_trick_of_a_part_s_head_stays_outside_the_fingerprint(
    one: str, other: str
) -> None:
    """A lenient server reads `amount` where a strict one reads nothing."""
    first = await printed(multipart(((one, b"5"),), "b"), FORM)
    second = await printed(multipart(((other, b"5"),), "b"), FORM)

    assert first != second


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("multipart/mixed; boundary=b", FORM, id="another-kind"),
        pytest.param(
            f"{FORM}; boundary=c", f"{FORM}; boundary=d", id="a-second-boundary"
        ),
        pytest.param(f"{FORM}; charset=utf-8", FORM, id="a-charset"),
        pytest.param(f"{FORM}; x*=utf-8''a", f"{FORM}; x*=utf-8''b", id="rfc-2231"),
    ],
)
async def test_what_the_type_says_of_a_form_counts(one: str, other: str) -> None:
    """The same bytes under another type may be another form."""
    body = multipart(PARTS[:1], "b")

    assert await printed(body, one) != await printed(body, other)


@pytest.mark.parametrize("line", ["\n", "\r"], ids=["line-feed", "return"])
async def test_a_delimiter_behind_half_a_line_break_counts_with_its_boundary(
    line: str,
) -> None:
    """Whoever takes it for one sees two parts, and with another boundary one."""
    content = f"5{line}--b1{line}{AMOUNT}{line}{line}6".encode()
    parts = ((OTHER, content),)

    assert await printed_parts(parts, "b1") != await printed_parts(parts, "b2")


@pytest.mark.parametrize(
    ("content_type", "body", "digest"),
    [
        pytest.param(
            "multipart/form-data; boundary=b7",
            b"--b7\r\n"
            b'Content-Disposition: form-data; name="type"\r\n\r\ncnh\r\n--b7\r\n'
            b"Content-Type: application/pdf\r\n"
            b'Content-Disposition: form-data; name="file"; filename="a.pdf"\r\n'
            b"Content-Length: 3\r\n\r\n%PD\r\n--b7--\r\n",
            "5235d40fdb5f7b3001eeb1bf6b045ad5ec84ab7809e24290419dc1691b47a624",
            id="form",
        ),
        pytest.param(
            "application/json",
            b'{"a":1}',
            "40db57d0876cb313917aff40e6161453f0c35e908e396cda0791a5f11c3c4d08",
            id="json",
        ),
    ],
)
async def test_a_fingerprint_is_the_same_after_an_upgrade(
    content_type: str, body: bytes, digest: str
) -> None:
    """Those in the ledger are compared with a repeat's: it must not be refused."""
    target = "/loans" if content_type.endswith("json") else "/customers/1/documents"

    assert (await printed(body, content_type, target=target)).hex() == digest
