"""Cooldown: staying away after a 429, and coming back."""

import pytest

from gateway.ratelimit.cooldown import Cooldown


def test_it_is_closed_for_as_long_as_was_asked() -> None:
    """The longest of several demands stands."""
    cooldown = Cooldown()

    cooldown.close(100.0, 30.0)
    cooldown.close(101.0, 5.0)

    assert cooldown.admit(110.0) == pytest.approx(20.0)


def test_closed_for_hours_one_attempt_a_minute_looks() -> None:
    """A server that asks for a day may not mean it."""
    cooldown = Cooldown()

    cooldown.close(100.0, 7200.0)

    assert cooldown.admit(100.0) == pytest.approx(60.0)
    assert cooldown.admit(160.0) == 0.0
    assert cooldown.admit(160.0) == pytest.approx(60.0)


def test_an_attempt_that_was_let_in_reopens() -> None:
    """What the server does counts for more than what it said."""
    cooldown = Cooldown()
    cooldown.close(100.0, 7200.0)

    cooldown.reopen(161.0, 60.0)

    assert cooldown.closed_until == 161.0


def test_unexplained_refusals_close_for_longer_each_time_up_to_half_a_minute() -> None:
    """1, 2, 4, 8, 16, 30, 30 s."""
    cooldown, now, waits = Cooldown(), 0.0, []

    for _ in range(7):
        cooldown.back_off(now, 10.0)
        waits.append(cooldown.closed_until - now)
        now = cooldown.closed_until

    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_burst_of_unexplained_refusals_is_one_lesson() -> None:
    """All of them were in flight before the first came back."""
    cooldown = Cooldown()

    for _ in range(50):
        cooldown.back_off(100.0, 10.0)

    assert (cooldown.closed_until, cooldown.gap) == (101.0, 0.2)


def test_pace_is_halved_and_regained_by_a_tenth_per_clean_window() -> None:
    """Coming back at full speed would end as before."""
    cooldown = Cooldown()
    cooldown.back_off(0.0, 10.0)

    gaps = [cooldown.gap]
    for now in (5.0, 10.0, 20.0, 30.0, 40.0, 50.0):
        cooldown.reopen(now, 10.0)
        gaps.append(cooldown.gap)

    assert gaps == pytest.approx([1 / 5, 1 / 5, 1 / 6, 1 / 7, 1 / 8, 1 / 9, 0.0])


def test_the_pace_never_falls_to_nothing() -> None:
    """One attempt in ten seconds still finds out."""
    cooldown, now = Cooldown(), 0.0

    for _ in range(20):
        cooldown.back_off(now, 1.0)
        now = cooldown.closed_until

    assert cooldown.gap == pytest.approx(10.0)
