"""When does an adaptive limit help? Where Dinie queues, and nowhere else."""

import pytest

from tests.experiments.adaptive import held


def test_where_dinie_queues_answers_are_quick_at_the_same_rate() -> None:
    """Eight workers take eighty a second, and 200 come."""
    fixed = held(adaptive=False, workers=8)
    adaptive = held(adaptive=True, workers=8)

    assert adaptive.median < fixed.median / 2
    assert adaptive.served > 0.9 * fixed.served


def test_where_dinie_has_room_it_changes_nothing() -> None:
    """Twenty are in flight, and forty workers are there."""
    fixed = held(adaptive=False, workers=40)
    adaptive = held(adaptive=True, workers=40)

    assert adaptive.served == pytest.approx(fixed.served, rel=0.01)
    assert adaptive.median == pytest.approx(fixed.median, rel=0.01)


def test_a_quick_route_beside_a_slow_one_changes_nothing() -> None:
    """Where Dinie has room for both."""
    fixed = held(adaptive=False, workers=40, quick=0.005)
    adaptive = held(adaptive=True, workers=40, quick=0.005)

    assert adaptive.served == pytest.approx(fixed.served, rel=0.01)
    assert adaptive.median == pytest.approx(fixed.median, rel=0.01)
