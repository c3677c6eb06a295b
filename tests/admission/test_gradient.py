"""Gradient: the limit follows the time of answers, within its bounds."""

import pytest

from gateway.admission.gradient import Gradient


def fed(gradient: Gradient, seconds: float, spans: int, in_flight: int = 64) -> float:
    """Let answers take so long for a while; return the limit."""
    at = getattr(gradient, "_ends_at", 0.0)
    for step in range(spans * 5):
        gradient.record("/loans", seconds, in_flight, at + step * 0.1)
    return gradient.limit


def test_a_steady_dinie_keeps_the_cap() -> None:
    """It costs nothing where there is no queue."""
    assert fed(Gradient(64), 0.1, 40) == 64


def test_a_queue_at_dinie_shrinks_the_limit_and_its_end_lets_it_grow() -> None:
    """Answers took ten times as long, and are quick again."""
    gradient = Gradient(64)
    fed(gradient, 0.1, 4)

    slow = fed(gradient, 1.0, 40)
    quick = fed(gradient, 0.1, 60)

    assert slow < 25
    assert quick == 64


@pytest.mark.parametrize(("most", "least"), [(64, 4), (2, 2)])
def test_some_always_go(most: int, least: int) -> None:
    """Otherwise nobody would see that it is over."""
    gradient = Gradient(most)
    fed(gradient, 0.01, 4)

    for _ in range(5):
        limit = fed(gradient, 20.0, 20)
        assert limit >= least


def test_a_limit_that_nobody_uses_does_not_grow() -> None:
    """Growth without load would be a guess."""
    gradient = Gradient(64)
    fed(gradient, 0.1, 4)
    slow = fed(gradient, 1.0, 40)

    assert fed(gradient, 0.1, 10, in_flight=1) <= slow


def test_a_longer_way_is_got_used_to() -> None:
    """The shortest of an hour ago is no measure any more."""
    gradient = Gradient(64)
    fed(gradient, 0.1, 4)

    assert fed(gradient, 0.4, 300) == 64


def test_a_slow_route_beside_a_quick_one_is_no_queue() -> None:
    """Each is held against its own shortest."""
    gradient = Gradient(64)
    for step in range(600):
        route, seconds = [("/banks", 0.02), ("/simulations", 0.2)][step % 2]
        gradient.record(route, seconds, 40, step * 0.05)

    assert gradient.limit == 64
