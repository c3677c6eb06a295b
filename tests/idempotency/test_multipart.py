"""multipart: a form read in the one way that all servers agree on, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.idempotency.multipart import Form, form_of, is_multipart, parts_of

DISPOSITION = b"Content-Disposition: form-data; name=a"


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        pytest.param(
            "multipart/form-data; boundary=abc", Form(b"abc", b""), id="plain"
        ),
        pytest.param("Multipart/Form-Data;BOUNDARY=abc", Form(b"abc", b""), id="case"),
        pytest.param(
            'multipart/form-data; boundary="a b"', Form(b"a b", b""), id="quoted"
        ),
        pytest.param(
            "multipart/form-data; boundary===abc==", Form(b"==abc==", b""), id="equals"
        ),
        pytest.param(
            "multipart/form-data; charset=UTF-8; boundary=b; a=1",
            Form(b"b", b"a=1;charset=UTF-8"),
            id="others",
        ),
        pytest.param("multipart/form-data", None, id="none"),
        pytest.param("multipart/form-data; charset=utf-8", None, id="no-boundary"),
        pytest.param("multipart/form-data; boundary=", None, id="empty"),
        pytest.param('multipart/form-data; boundary=""', None, id="quoted-empty"),
        pytest.param("multipart/form-data; boundary=" + "b" * 71, None, id="long"),
        pytest.param('multipart/form-data; boundary="b "', None, id="blank-behind"),
        pytest.param("multipart/form-data; boundary=a; boundary=b", None, id="twice"),
        pytest.param("multipart/form-data; boundary=a;", None, id="semicolon-behind"),
        pytest.param("multipart/form-data; boundary=a b", None, id="blank-inside"),
        pytest.param("multipart/form-data, boundary=a", None, id="comma"),
        pytest.param("multipart/form-data; boundary*=x''a", None, id="rfc-2231"),
        pytest.param("multipart/form-data; boundary*0=a", None, id="numbered"),
        pytest.param(r'multipart/form-data; boundary="a\\b"', None, id="escape"),
        pytest.param("multipart/form-data; \udcff; boundary=a", None, id="raw-byte"),
        pytest.param("multipart/mixed; boundary=a", None, id="another-kind"),
        pytest.param("application/json; boundary=abc", None, id="no-multipart"),
        pytest.param("", None, id="no-type"),
    ],
)
def test_a_type_is_read_only_where_all_servers_read_the_same(
    content_type: str, form: Form | None
) -> None:
    """Another boundary finds other parts in the same bytes."""
    assert form_of(content_type) == form


@given(
    st.lists(
        st.sampled_from(
            ["boundary", "*", "=", "0", "1", "'", '"', "utf-7", "%FF", ";", " "]
        )
        | st.text(max_size=2),
        max_size=12,
    )
)
def test_no_content_type_is_too_odd(texts: list[str]) -> None:
    """It is read before anything is sent, so a fault here would refuse the call."""
    form = form_of("multipart/form-data;" + "".join(texts))

    assert form is None or form.boundary


def test_any_kind_of_multipart_counts_with_its_type() -> None:
    """Its boundary stands there."""
    found = [is_multipart(one) for one in ("Multipart/Mixed", "multipart/x", "text/x")]

    assert found == [True, True, False]


def test_parts_are_found_with_what_has_a_meaning_of_their_heads() -> None:
    """The order of headers, their case and their blanks have none."""
    body = (
        b"--b\r\nCONTENT-TYPE:  text/plain \r\nX-Noise: 1\r\n"
        + DISPOSITION
        + b"\r\n\r\none --b two\r\n--b\r\n"
        + DISPOSITION
        + b"\r\n\r\n\r\n--b--\r\n"
    )

    parts = parts_of(body, b"b")

    assert parts is not None
    assert [body[part.start : part.end] for part in parts] == [b"one --b two", b""]
    assert parts[0].head == (
        b"content-disposition:form-data; name=a\ncontent-type:text/plain"
    )


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"", id="none"),
        pytest.param(b"X-Name: a", id="no-disposition"),
        pytest.param(DISPOSITION + b"\r\n b", id="folded"),
        pytest.param(DISPOSITION + b"\r\nX: y\r\n\tb", id="folded-noise"),
        pytest.param(DISPOSITION + b"\r\n" + DISPOSITION, id="twice"),
        pytest.param(DISPOSITION + b"\nX: y", id="bare-line-feed"),
        pytest.param(DISPOSITION + b"\x00", id="nul"),
        pytest.param(DISPOSITION + b"\r\nno colon", id="no-colon"),
        pytest.param(b"Content-Disposition : form-data", id="blank-before-colon"),
    ],
)
def test_a_head_that_servers_read_differently_is_not_read(head: bytes) -> None:
    """The body counts by its bytes then."""
    body = b"--b\r\n" + head + b"\r\n\r\nc\r\n--b--\r\n"

    assert parts_of(body, b"b") is None


@given(st.binary(max_size=120))
def test_no_body_is_too_odd(noise: bytes) -> None:
    """Bytes of strangers must not become a 500."""
    parts = parts_of(b"--b\r\n" + DISPOSITION + b"\r\n\r\n" + noise, b"b")

    assert parts is None or len(parts) > 0
