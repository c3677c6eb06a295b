"""Window: which window an answer speaks of, when it ends, whether it slides."""

import pytest

from gateway.ratelimit.headers import Advertised
from gateway.ratelimit.window import Window


def seen(reset_unix: float, left: float, now: float) -> Advertised:
    return Advertised(100, 50, now + left, reset_unix)


@pytest.mark.parametrize(
    ("reset_unix", "verdict"),
    [
        pytest.param(1060.0, "same", id="exact"),
        pytest.param(1062.0, "same", id="rounded-up"),
        pytest.param(1058.0, "same", id="rounded-down"),
        pytest.param(1062.5, "newer", id="newer"),
        pytest.param(1057.5, "older", id="older"),
    ],
)
def test_resets_within_two_seconds_are_one_window(
    reset_unix: float, verdict: str
) -> None:
    """Servers round the reset; a rounding must not look like a fresh quota."""
    window = Window(seen(1060.0, 60.0, 0.0), 0.0)

    assert window.compare(seen(reset_unix, 30.0, 30.0), taken_at=29.0) == verdict


def test_windows_shorter_than_the_tolerance_are_told_apart_after_their_end() -> None:
    """With a quota per second each second is a window of its own."""
    window = Window(seen(1001.0, 1.0, 0.0), 0.0)

    verdict = window.compare(seen(1002.0, 0.9, 1.2), taken_at=1.1)
    window.follow(seen(1002.0, 0.9, 1.2), 1.2)

    assert verdict == "newer"
    assert window.compare(seen(1001.0, 0.0, 1.3), taken_at=0.9) == "older"


def test_the_earliest_reckoning_of_the_end_stands() -> None:
    """`Date` has whole seconds and answers are late: both only ever add."""
    window = Window(seen(1060.0, 60.9, 0.0), 0.0)

    window.refine(seen(1060.0, 50.1, 10.0))
    window.refine(seen(1060.0, 40.8, 20.0))

    assert window.resets_at == pytest.approx(60.1)


def test_what_was_learned_of_their_clock_outlives_the_window() -> None:
    """The first answer of a window may be a slow one."""
    window = Window(seen(1060.0, 60.0, 0.0), 0.0)

    window.follow(seen(1120.0, 60.0, 60.9), 60.9)

    assert window.resets_at == pytest.approx(120.0)


def test_a_window_that_outlives_its_end_is_given_longer() -> None:
    """A reset that was rounded down is asked too early, but not each time."""
    window = Window(seen(1060.0, 60.0, 0.0), 0.0)

    window.extend(60.2)
    window.follow(seen(1120.0, 60.0, 60.0), 60.0)

    assert window.resets_at == pytest.approx(120.5)


@pytest.mark.parametrize(
    ("moments", "slides"),
    [
        pytest.param([1.0, 2.0, 3.0, 4.0, 5.0], True, id="five-over-five-seconds"),
        pytest.param([1.0, 2.0, 3.0, 5.5], True, id="the-first-counts"),
        pytest.param([1.0, 2.0, 5.5], False, id="too-few"),
        pytest.param([0.5, 1.0, 2.0, 3.0, 4.9], False, id="too-soon"),
    ],
)
def test_a_reset_that_stays_away_slides(moments: list[float], slides: bool) -> None:
    """Five answers over at least five seconds, all as far from the reset."""
    window = Window(seen(1060.0, 60.0, 0.0), 0.0)

    for now in moments:
        answer = seen(1060.0 + now, 60.0, now)
        window.detect_sliding(answer, now)
        window.follow(answer, now)

    assert window.sliding is slides


def test_fixed_windows_spent_at_their_start_do_not_slide() -> None:
    """Their answers, too, are all as far from the reset; a window lies between."""
    window = Window(seen(1010.0, 10.0, 0.0), 0.0)

    for start in range(10, 100, 10):
        for late in (0.1, 0.2, 0.3):
            answer = seen(1010.0 + start, 10.0 - late, start + late)
            window.detect_sliding(answer, start + late)
            window.follow(answer, start + late)

    assert not window.sliding


def test_a_window_that_stops_sliding_is_fixed_again() -> None:
    """Servers change."""
    window = Window(seen(1060.0, 60.0, 0.0), 0.0)
    for now in range(1, 8):
        answer = seen(1060.0 + now, 60.0, now)
        window.detect_sliding(answer, now)
        window.follow(answer, now)
    assert window.sliding

    window.detect_sliding(seen(1067.0, 57.0, 10.0), 10.0)

    assert not window.sliding


def test_a_short_distance_between_resets_narrows_what_counts_as_one_window() -> None:
    """Windows of 3 s: resets 1.6 s apart are two, where 2 s would be one."""
    window = Window(seen(1003.0, 3.0, 0.0), 0.0)
    window.follow(seen(1006.0, 3.0, 3.0), 3.0)

    assert window.compare(seen(1007.6, 2.0, 5.0), taken_at=4.0) == "newer"
    assert window.compare(seen(1007.5, 2.0, 5.0), taken_at=4.0) == "same"


def test_following_its_own_reset_changes_neither_length_nor_tolerance() -> None:
    """A window that is announced again is as long as it was."""
    window = Window(seen(1060.0, 60.0, 0.0), 0.0)
    window.follow(seen(1060.0, 30.0, 30.0), 30.0)

    assert window.length == 60.0
    assert window.compare(seen(1062.0, 30.0, 30.0), taken_at=29.0) == "same"


def test_a_window_that_outlives_even_its_slack_ends_a_step_from_now() -> None:
    """A clock that lags far behind ours is asked again in half a second."""
    window = Window(seen(1060.0, 60.0, 0.0), 0.0)

    window.extend(90.0)

    assert window.resets_at == 90.5


@pytest.mark.parametrize(
    ("left", "fits"), [(58.0, True), (57.9, False), (62.0, True), (62.1, False)]
)
def test_a_sliding_quota_is_known_by_its_length(left: float, fits: bool) -> None:
    """Two seconds are the servers' rounding."""
    window = Window(seen(1060.0, 60.0, 0.0), 0.0)
    for now in (2.0, 4.0, 6.0, 8.0):
        window.detect_sliding(seen(1060.0 + now, 60.0, now), now)

    assert window.sliding
    assert window.slides_to(seen(1100.0, left, 100.0), 100.0) is fits


def test_a_fixed_window_never_counts_as_one_that_slides() -> None:
    """Its length alone says nothing."""
    window = Window(seen(1060.0, 60.0, 0.0), 0.0)

    assert not window.slides_to(seen(1100.0, 60.0, 100.0), 100.0)


@pytest.mark.parametrize(("left", "may"), [(61.0, True), (59.0, True), (61.1, False)])
def test_what_has_as_long_to_its_reset_may_slide(left: float, may: bool) -> None:
    """One second is the rounding of `Date` and of the reset."""
    window = Window(seen(1060.0, 60.0, 0.0), 0.0)

    assert window.may_slide(seen(1070.0, left, 10.0), 10.0) is may


def test_an_attempt_admitted_at_the_end_may_speak_of_the_next_window() -> None:
    """Half a second between two resets is no rounding once the window is over."""
    window = Window(seen(1060.0, 60.0, 0.0), 0.0)

    assert window.compare(seen(1060.5, 1.0, 60.0), taken_at=60.0) == "newer"


@pytest.mark.parametrize(
    ("length", "at"), [pytest.param(60.0, 45.0, id="long"), (4.0, 2.5)]
)
def test_a_window_is_ending_in_its_last_quarter(length: float, at: float) -> None:
    """But not for less than a second and a half, for the rounding of two fields."""
    window = Window(seen(1000.0 + length, length, 0.0), 0.0)

    assert not window.is_ending(at)
    assert window.is_ending(at + 0.01)


def test_a_reset_that_wanders_by_a_second_still_slides() -> None:
    """`Date` and the reset are rounded each."""
    window = Window(seen(1060.0, 60.0, 0.0), 0.0)
    for now, left in [(2.0, 61.0), (4.0, 59.0), (6.0, 61.0), (8.0, 59.0)]:
        window.detect_sliding(seen(1000.0 + now + left, left, now), now)

    assert window.sliding


def test_a_new_beginning_counts_its_own_replies() -> None:
    """Five replies slide; those before the reset jumped are none of them."""
    window = Window(seen(1060.0, 60.0, 0.0), 0.0)
    for now in (1.0, 2.0, 3.0, 8.0):
        window.detect_sliding(seen(1000.0 + now + 50.0, 50.0, now), now)
    before = window.sliding
    window.detect_sliding(seen(1059.0, 50.0, 9.0), 9.0)

    assert (before, window.sliding) == (False, True)
