"""Callers that come again when they were told to, beside others that do not."""

from statistics import mean

import pytest

from tests.experiments.crowd import Caller, Crowd

WINDOWS = 12


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_who_obeys_is_served_as_soon_as_who_polls(seed: int) -> None:
    """Others of the same name, who never come back, must not push it into next week."""
    callers = [
        Caller("obeys", 1.0, patient=True, known_as="a"),
        Caller("polls", 1.0, polls_every=1.0, known_as="a"),
        Caller("ignores", 30.0, known_as="a"),
    ]

    crowd = await Crowd(callers, limit=100, length=10.0, seed=seed).play(WINDOWS)

    obeys, polls = crowd.seen["obeys"], crowd.seen["polls"]
    assert mean(obeys.served_after) <= 1.3 * mean(polls.served_after)
    assert max(obeys.told) <= 10.0  # a window: the next one serves it
    assert obeys.late <= 0.1 * obeys.returned
    assert (crowd.rejected, crowd.used(WINDOWS) >= 0.97) == (0, True)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_no_short_window_goes_by_unused(seed: int) -> None:
    """Places that nobody comes for must not be kept while others are sent away."""
    callers = [
        Caller("obeys", 2.0, patient=True, known_as="a"),
        Caller("ignores", 50.0, known_as="a"),
    ]

    crowd = await Crowd(callers, limit=50, length=3.0, seed=seed).play(20)

    served = [moment for seen in crowd.seen.values() for moment in seen.admitted]
    by_window = [
        sum(3.0 * number <= moment < 3.0 * (number + 1) for moment in served)
        for number in range(1, 20)
    ]
    assert min(by_window) >= 0.85 * 50
    assert crowd.rejected == 0


@pytest.mark.parametrize(
    ("rate", "length", "windows"),
    [
        pytest.param(20.0, 10.0, 6, id="twice-the-quota"),
        pytest.param(2.5, 60.0, 3, id="long-window"),
    ],
)
async def test_a_crowd_that_obeys_uses_the_whole_quota(
    rate: float, length: float, windows: int
) -> None:
    """All of them come again, at moments at which they are served or told the next."""
    callers = [Caller("obeys", rate, patient=True)]

    crowd = await Crowd(callers, limit=100, length=length, seed=1).play(windows)

    seen = crowd.seen["obeys"]
    assert (crowd.rejected, crowd.used(windows) >= 0.94) == (0, True)
    assert max(seen.told) <= length + 1
    assert seen.returned > 50


async def test_who_obeys_beside_a_flood_of_another_is_served_in_the_next_window() -> (
    None
):
    """Six of ten requests a second fit its half; the flood has the other half."""
    callers = [Caller("obeys", 6.0, patient=True), Caller("flood", 200.0)]

    crowd = await Crowd(callers, limit=100, length=10.0, seed=1).play(6)

    obeys = crowd.seen["obeys"]
    assert mean(obeys.served_after) <= 4.0
    assert max(obeys.told) <= 11.0
    assert (crowd.rejected, crowd.used(6) >= 0.94) == (0, True)
