"""deadline.policy: a caller can only lower its budget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import BadRequest
from gateway.deadline.options import DeadlineOptions
from gateway.deadline.policy import budget, head_limit, whole_limit

OPTIONS = DeadlineOptions()
OURS = "x-request-timeout-ms"
ENVOY = "x-envoy-expected-rq-timeout-ms"


@pytest.mark.parametrize(
    ("control", "upload", "expected"),
    [
        pytest.param({}, False, 25.0, id="default"),
        pytest.param({}, True, 55.0, id="upload"),
        pytest.param({OURS: "1500"}, False, 1.5, id="lowered"),
        pytest.param({OURS: "1"}, False, 0.001, id="a-millisecond"),
        pytest.param({OURS: "60000"}, False, 25.0, id="never-raised"),
        pytest.param({OURS: "60000"}, True, 55.0, id="never-raised-upload"),
        pytest.param({OURS: "9999999999"}, False, 25.0, id="longest-number"),
        pytest.param({ENVOY: "2000"}, False, 2.0, id="mesh"),
        pytest.param({OURS: "3000", ENVOY: "2000"}, False, 3.0, id="ours-first"),
        pytest.param({ENVOY: "0000002000"}, False, 2.0, id="mesh-longest-number"),
        pytest.param({ENVOY: "00000002000"}, False, 25.0, id="mesh-too-long"),
        pytest.param({ENVOY: "0"}, False, 25.0, id="mesh-says-none"),
        pytest.param({ENVOY: "soon"}, False, 25.0, id="mesh-errs"),
        pytest.param({ENVOY: "-1"}, False, 25.0, id="mesh-negative"),
    ],
)
def test_the_budget(control: dict[str, str], expected: float, *, upload: bool) -> None:
    """A caller that gives up at 2 s must not leave work running for 25."""
    assert budget(OPTIONS, control, upload=upload) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("0", id="zero"),
        pytest.param("", id="empty"),
        pytest.param("-5", id="negative"),
        pytest.param("1.5", id="fraction"),
        pytest.param("1e3", id="exponent"),
        pytest.param("nan", id="nan"),
        pytest.param(" 5", id="space"),
        pytest.param("\u0661", id="other-digits"),
        pytest.param("\u00b2", id="superscript"),
        pytest.param("9" * 5000, id="endless"),
    ],
)
def test_a_budget_that_is_no_number_is_refused(text: str) -> None:
    """A caller that meant a short wait must not silently get a long one."""
    with pytest.raises(BadRequest):
        budget(OPTIONS, {OURS: text}, upload=False)


@given(st.text(max_size=12), st.text(max_size=12))
def test_no_header_gets_past_as_another_error(ours: str, envoy: str) -> None:
    """Bytes of strangers must not become a 500."""
    try:
        found = budget(OPTIONS, {OURS: ours, ENVOY: envoy}, upload=True)
    except BadRequest:
        return

    assert 0.0 < found <= 55.0


@pytest.mark.parametrize(
    ("options", "upload", "head", "whole"),
    [
        pytest.param(OPTIONS, False, 10.0, 15.0, id="default"),
        pytest.param(OPTIONS, True, 49.5, 49.5, id="upload"),
        pytest.param(DeadlineOptions(total=5.0), False, 4.5, 4.5, id="short-total"),
        pytest.param(DeadlineOptions(first_byte=20.0), False, 15.0, 15.0, id="long"),
    ],
)
def test_an_upstream_is_late_by_the_operator_s_settings_alone(
    options: DeadlineOptions, *, upload: bool, head: float, whole: float
) -> None:
    """A short `deadline.total` is the operator's: a dead upstream still shows."""
    limits = head_limit(options, upload=upload), whole_limit(options, upload=upload)

    assert limits == pytest.approx((head, whole))
