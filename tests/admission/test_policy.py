"""admission.policy: what is refused before anything is spent on it."""

import pytest

from gateway.admission.options import AdmissionOptions
from gateway.admission.policy import cap_of, check_length, check_method, too_large
from gateway.core.errors import BadRequest, MethodNotAllowed, RequestTooLarge


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
)
def test_a_method_of_the_api_passes(method: str) -> None:
    """A proxy that refuses what the API accepts is no drop-in."""
    check_method(method)


@pytest.mark.parametrize(
    "method", ["TRACE", "CONNECT", "get", "PROPFIND", "BREW", "", "GET "]
)
def test_any_other_method_is_refused(method: str) -> None:
    """TRACE would show our token, CONNECT would make a tunnel."""
    with pytest.raises(MethodNotAllowed):
        check_method(method)


@pytest.mark.parametrize("text", [None, "0", "10", "0010"])
def test_a_length_within_the_cap_passes(text: str | None) -> None:
    """The cap itself still fits."""
    check_length(text, 10)


@pytest.mark.parametrize("text", ["11", "999999999999", "9" * 5000])
def test_a_declared_length_over_the_cap_is_refused(text: str) -> None:
    """Before a byte of it is read."""
    with pytest.raises(RequestTooLarge):
        check_length(text, 10)


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "0x1", "1 1", "\u0661"])
def test_a_length_that_is_no_number_is_refused(text: str) -> None:
    """Two servers would see two ends of the body."""
    with pytest.raises(BadRequest):
        check_length(text, 10)


@pytest.mark.parametrize(
    ("upload", "expected"),
    [
        pytest.param(False, 1_048_576, id="ordinary"),
        pytest.param(True, 26_214_400, id="upload"),
    ],
)
def test_uploads_have_a_cap_of_their_own(expected: int, *, upload: bool) -> None:
    """A photographed document is larger than a JSON body should ever be."""
    assert cap_of(AdmissionOptions(), upload=upload) == expected


def test_the_refusal_names_the_cap() -> None:
    """The operator sees which setting to raise."""
    assert "over 10 bytes" in too_large(10).detail
