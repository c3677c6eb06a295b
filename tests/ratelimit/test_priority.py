"""How batch and background work keep out of the way."""

import pytest

from gateway.core.lanes import Lane
from gateway.ratelimit.priority import background_gap, most_in_flight, until_free


@pytest.mark.parametrize(
    ("lane", "room", "part", "expected"),
    [
        pytest.param(Lane.BATCH, 31, 1.0, 0.0, id="above-what-is-kept"),
        pytest.param(Lane.BATCH, 30, 1.0, 0.0, id="at-it-as-soon-as-time-passes"),
        pytest.param(Lane.BATCH, 15, 1.0, 0.5, id="half-of-it-after-half-a-window"),
        pytest.param(Lane.BATCH, 16, 0.5, 0.0, id="less-is-kept-later"),
        pytest.param(Lane.BATCH, 0, 0.5, 0.5, id="nothing-before-the-end"),
        pytest.param(Lane.BATCH, -4, 0.5, 0.5, id="less-than-nothing"),
        pytest.param(Lane.BACKGROUND, 31, 0.1, 0.0, id="background-has-its-part"),
        pytest.param(Lane.BACKGROUND, 30, 0.1, 0.1, id="background-never-has-more"),
    ],
)
def test_batch_work_leaves_a_part_of_the_window(
    lane: Lane, room: float, part: float, expected: float
) -> None:
    """Of a limit of 100; as a part of the window to wait."""
    assert until_free(lane, room, 100, part=part) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("limit", "at_once", "gap"), [(1000, 20, 3.0), (100, 2, 30.0), (10, 1, 60.0)]
)
def test_a_fiftieth_is_one_at_least(limit: int, at_once: float, gap: float) -> None:
    """Else a small quota would let no background work through at all."""
    assert most_in_flight(limit) == at_once
    assert background_gap(limit, 60.0) == pytest.approx(gap)
