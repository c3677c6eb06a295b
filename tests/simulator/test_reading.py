"""What the simulated Dinie reads in a body."""

import pytest

from gateway.simulator.answer import Refusal
from gateway.simulator.reading import body_fingerprint, read_json, read_parts

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

    assert refused.value.answer.status == 400


def test_an_upload_counts_by_its_parts() -> None:
    """A new boundary changes nothing, other content does."""
    first = body_fingerprint(FORM + "a", part("a"))

    assert body_fingerprint(FORM + "b", part("b")) == first
    assert body_fingerprint(FORM + "a", part("a", "ccmei")) != first
