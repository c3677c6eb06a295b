"""Shares: who is owed what of a window."""

import pytest

from gateway.ratelimit.fairness.shares import Shares, filled


@pytest.mark.parametrize(
    ("needs", "weights", "shares"),
    [
        pytest.param({"a": 5}, {"a": 1}, {"a": 5}, id="alone-and-modest"),
        pytest.param({"a": 500}, {"a": 1}, {"a": 90}, id="alone-and-greedy"),
        pytest.param(
            {"a": 10, "b": 20, "c": 900},
            {"a": 1, "b": 1, "c": 1},
            {"a": 10, "b": 20, "c": 60},
            id="what-is-left-flows-on",
        ),
        pytest.param(
            {"a": 900, "b": 900}, {"a": 2, "b": 1}, {"a": 60, "b": 30}, id="by-weight"
        ),
        pytest.param(
            {"a": 70, "b": 900},
            {"a": 2, "b": 1},
            {"a": 60, "b": 30},
            id="no-more-than-the-share",
        ),
        pytest.param({"a": 0, "b": 9}, {"a": 1, "b": 1}, {"a": 0, "b": 9}, id="idle"),
        pytest.param({}, {}, {}, id="nobody"),
    ],
)
def test_places_are_shared_out_by_weight_and_need(
    needs: dict[str, float], weights: dict[str, float], shares: dict[str, float]
) -> None:
    """Ninety of them."""
    assert filled(needs, weights, 90) == pytest.approx(shares)


def owed(shares: Shares, caller: str, now: float, left: float) -> float:
    return shares.left_to_others(caller, now, places=90.0, left=left, length=60.0)


def test_one_caller_leaves_nothing_to_others() -> None:
    """A sidecar has one."""
    shares = Shares()
    shares.opened(0.0)
    for _ in range(500):
        shares.arrived("a")

    assert not shares.crowded
    assert owed(shares, "a", 1.0, 59.0) == 0.0


def test_a_flood_leaves_what_the_calm_ones_will_need() -> None:
    """As they came in the window before, and some more for chance."""
    shares = Shares()
    shares.opened(0.0)
    for _ in range(20):
        shares.arrived("calm")
        shares.took("calm")
    for _ in range(2000):
        shares.arrived("flood")
        shares.gave_up("flood")
    shares.opened(60.0)
    shares.arrived("calm")
    for _ in range(40):  # over four fifths of its half: more than it may have at once
        shares.arrived("flood")
        shares.took("flood")

    stays = owed(shares, "flood", 60.1, 59.9)

    assert 20 <= stays <= 36  # and not its whole half of the 90
    assert shares.keeps_to_share("calm")
    assert not shares.keeps_to_share("flood")


def test_a_burst_within_its_own_share_goes_at_once() -> None:
    """Be the share small; what goes beyond it is paced."""
    shares = Shares({"small": 1.0, "big": 19.0})
    shares.opened(0.0)
    shares.opened(60.0)
    shares.arrived("small")
    owed(shares, "small", 60.1, 59.9)

    assert shares.keeps_to_share("small")
    shares.took("small")
    for _ in range(9):
        shares.arrived("small")
    owed(shares, "small", 60.2, 59.8)
    assert shares.keeps_to_share("small")
    for _ in range(3):
        shares.took("small")
    owed(shares, "small", 60.3, 59.7)
    assert not shares.keeps_to_share("small")


def test_who_has_just_come_is_reckoned_with_at_once() -> None:
    """Nobody had heard of it, and it must not be refused for that."""
    shares = Shares()
    shares.opened(0.0)
    for _ in range(50):
        shares.arrived("flood")
    owed(shares, "flood", 10.0, 50.0)
    shares.arrived("new")
    owed(shares, "new", 10.0, 50.0)

    assert shares.keeps_to_share("new")


def test_what_a_calm_one_does_not_come_for_flows_on() -> None:
    """The nearer the end of the window, the less stays for it."""
    shares = Shares()
    shares.opened(0.0)
    for name, count in (("calm", 20), ("flood", 2000)):
        for _ in range(count):
            shares.arrived(name)
            shares.gave_up(name)
    shares.opened(60.0)
    for _ in range(200):
        shares.arrived("flood")

    stays = [owed(shares, "flood", 60.0 + t, 60.0 - t) for t in (1, 20, 40, 59.9)]

    assert stays == sorted(stays, reverse=True)
    assert stays[0] > 15
    assert stays[-1] < 1


def test_configured_callers_are_expected_at_the_beginning_of_a_window() -> None:
    """They were quiet, and the flood comes first; what they leave flows on."""
    shares = Shares({"a": 1.0, "b": 2.0, "flood": 1.0})
    shares.opened(0.0)
    for _ in range(50):
        shares.arrived("flood")

    assert owed(shares, "flood", 0.1, 59.9) == pytest.approx(67.5, abs=1)
    shares.opened(60.0)
    for _ in range(200):
        shares.arrived("flood")
    assert owed(shares, "flood", 60.1, 59.9) == pytest.approx(67.5, abs=1)
    assert owed(shares, "flood", 90.0, 30.0) < 35
    assert owed(shares, "flood", 119.9, 0.1) < 1


def test_an_own_place_is_not_owed_to_others() -> None:
    """Who has taken its share has no claim left."""
    shares = Shares({"a": 1.0, "b": 1.0})
    shares.opened(0.0)
    for _ in range(200):
        shares.arrived("a")
        shares.arrived("b")
    before = owed(shares, "a", 1.0, 59.0)
    for _ in range(10):
        shares.took("b")
    after = owed(shares, "a", 1.0, 59.0)
    shares.gave_back("b")

    assert before == pytest.approx(45.0)
    assert after == pytest.approx(35.0)
    assert owed(shares, "a", 2.0, 58.0) == pytest.approx(36.0)


def test_a_caller_that_stays_away_is_forgotten() -> None:
    """Unless it is configured."""
    shares = Shares({"known": 1.0})
    shares.opened(0.0)
    shares.arrived("passing")
    shares.gave_up("passing")
    crowded = shares.crowded
    shares.opened(60.0)
    shares.opened(120.0)

    assert (crowded, shares.crowded) == (True, False)


def test_a_greedy_caller_is_entitled_to_what_others_do_not_use() -> None:
    """Of windows to come, too."""
    shares = Shares()
    shares.opened(0.0)
    for name, count in (("calm", 20), ("flood", 2000)):
        for _ in range(count):
            shares.arrived(name)
            shares.gave_up(name)

    def entitled(caller: str) -> float:
        return shares.entitled(caller, 60.0, places=90.0, length=60.0)

    assert entitled("flood") == pytest.approx(66.0)  # two deviations of 4 are left
    assert entitled("calm") == pytest.approx(45.0)


def test_who_is_configured_and_was_quiet_keeps_its_part_of_windows_to_come() -> None:
    """A flood after a quiet night is promised no more than its share of the next."""
    shares = Shares({"a": 1.0, "b": 1.0, "flood": 1.0})
    shares.opened(0.0)
    shares.opened(60.0)
    for _ in range(100):
        shares.arrived("flood")

    def entitled(now: float) -> float:
        return shares.entitled("flood", now, places=90.0, length=60.0)

    assert entitled(60.1) == pytest.approx(30.0, abs=1)
    assert entitled(119.0) > 60.0


def test_modest_is_who_asked_for_no_more_than_its_own_before() -> None:
    """Nobody knows it of a first window, or of who has just come."""
    shares = Shares({"calm": 1.0, "flood": 1.0, "late": 1.0})
    shares.opened(0.0)
    first = shares.kept_to_share("calm", 60.0)
    for name, count in (("calm", 20), ("flood", 2000)):
        for _ in range(count):
            shares.arrived(name)
    shares.opened(60.0)
    shares.arrived("new")
    owed(shares, "calm", 60.0, 60.0)

    modest = [
        name
        for name in ("calm", "flood", "late", "new", "nobody")
        if shares.kept_to_share(name, 60.0)
    ]

    assert (first, modest) == (False, ["calm", "late", "new"])


def test_a_caller_that_was_never_seen_keeps_to_nothing() -> None:
    """Its permit may end after its record was forgotten."""
    shares = Shares()

    shares.gave_up("unknown")

    assert not shares.keeps_to_share("unknown")
