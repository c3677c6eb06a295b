"""Brake: staying away after a 429, and coming back."""

import pytest

from gateway.ratelimit.cooldown import Brake


def test_it_is_closed_for_as_long_as_was_asked() -> None:
    """The longest of several demands stands."""
    brake = Brake()

    brake.close(100.0, 30.0)
    brake.close(101.0, 5.0)

    assert brake.admit(110.0) == pytest.approx(20.0)


def test_closed_for_hours_one_attempt_a_minute_looks() -> None:
    """A server that asks for a day may not mean it."""
    brake = Brake()

    brake.close(100.0, 7200.0)

    assert brake.admit(100.0) == pytest.approx(60.0)
    assert brake.admit(160.0) == 0.0
    assert brake.admit(160.0) == pytest.approx(60.0)


def test_an_attempt_that_was_let_in_reopens() -> None:
    """What the server does counts for more than what it said."""
    brake = Brake()
    brake.close(100.0, 7200.0)

    brake.reopen(161.0, 60.0)

    assert brake.closed_until == 161.0


def test_unexplained_refusals_close_for_longer_each_time_up_to_half_a_minute() -> None:
    """1, 2, 4, 8, 16, 30, 30 s."""
    brake, now, waits = Brake(), 0.0, []

    for _ in range(7):
        brake.strike(now, 10.0)
        waits.append(brake.closed_until - now)
        now = brake.closed_until

    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_burst_of_unexplained_refusals_is_one_lesson() -> None:
    """All of them were in flight before the first came back."""
    brake = Brake()

    for _ in range(50):
        brake.strike(100.0, 10.0)

    assert (brake.closed_until, brake.gap) == (101.0, 0.2)


def test_pace_is_halved_and_regained_by_a_tenth_per_clean_window() -> None:
    """Coming back at full speed would end as before."""
    brake = Brake()
    brake.strike(0.0, 10.0)

    gaps = [brake.gap]
    for now in (5.0, 10.0, 20.0, 30.0, 40.0, 50.0):
        brake.reopen(now, 10.0)
        gaps.append(brake.gap)

    assert gaps == pytest.approx([1 / 5, 1 / 5, 1 / 6, 1 / 7, 1 / 8, 1 / 9, 0.0])


def test_the_pace_never_falls_to_nothing() -> None:
    """One attempt in ten seconds still finds out."""
    brake, now = Brake(), 0.0

    for _ in range(20):
        brake.strike(now, 1.0)
        now = brake.closed_until

    assert brake.gap == pytest.approx(10.0)
