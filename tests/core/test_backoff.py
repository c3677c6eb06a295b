"""backoff: full jitter inside the cap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.backoff import full_jitter


@pytest.mark.parametrize(
    ("step", "random", "expected"),
    [
        pytest.param(0, 0.5, 0.25, id="first"),
        pytest.param(1, 0.5, 0.5, id="doubles"),
        pytest.param(2, 0.5, 1.0, id="doubles-again"),
        pytest.param(4, 0.5, 4.0, id="at-the-cap"),
        pytest.param(5, 0.5, 4.0, id="over-the-cap"),
        pytest.param(100_000, 0.5, 4.0, id="no-overflow"),
        pytest.param(0, 0.0, 0.05, id="floor"),
        pytest.param(0, 0.999, 0.4995, id="most"),
    ],
)
def test_the_wait_is_drawn_below_a_doubling_ceiling(
    step: int, random: float, expected: float
) -> None:
    """Callers that failed together must not come back together."""
    assert full_jitter(step, base=0.5, cap=8.0, random=random) == expected


def test_a_ceiling_below_the_floor_wins() -> None:
    """An operator who configures milliseconds gets milliseconds."""
    assert full_jitter(0, base=0.001, cap=8.0, random=0.0) == 0.001


@given(
    step=st.integers(0, 10_000),
    base=st.floats(0.001, 60.0),
    cap=st.floats(0.001, 600.0),
    random=st.floats(0.0, 1.0, exclude_max=True),
)
def test_no_wait_is_over_the_cap(
    step: int, base: float, cap: float, random: float
) -> None:
    """The cap is what deadlines are planned with."""
    assert 0.0 < full_jitter(step, base=base, cap=cap, random=random) <= cap
