"""Quotas: which quota a response names, and which one a route draws on."""

import pytest

from gateway.ratelimit.headers import Advertised
from gateway.ratelimit.policy import Limiter
from gateway.ratelimit.quotas import Quotas
from gateway.ratelimit.window_usage import Permit, Route

LOANS, BANKS, OFFERS = ("POST", "/loans"), ("GET", "/banks"), ("GET", "/credit-offers")


class FakePermits:
    """A limiter; nobody waits."""

    def __init__(self) -> None:
        self.limiter = Limiter(0.0, lambda: 0.5)

    @property
    def busy(self) -> bool:
        return self.limiter.usage.in_flight > 0


class Scene:
    """Quotas, and responses to attempts."""

    def __init__(self) -> None:
        self.quotas = Quotas(FakePermits)

    def respond(
        self, route: Route, now: float, limit: int, remaining: int, reset: float
    ) -> FakePermits:
        """Take an attempt and its response; `reset` is monotonic and Unix at once."""
        quota = self.quotas.of(route)
        permit = Permit(route=route)
        quota.limiter.count(permit, now)
        return self.end(permit, quota, now, limit, remaining, reset)

    def end(  # noqa: PLR0917 - a response has so many numbers
        self,
        permit: Permit,
        quota: FakePermits,
        now: float,
        limit: int,
        remaining: int,
        reset: float,
    ) -> FakePermits:
        seen = Advertised(limit, remaining, reset, reset)
        named = self.quotas.named(permit.route, quota, seen, permit, now)
        if named is not quota:
            quota.limiter.transfer_out(permit, now)
            named.limiter.transfer_in(permit)
        named.limiter.responded(permit, now, seen)
        return named


def test_routes_that_say_the_same_share_one_quota() -> None:
    """The documented case, through windows that follow each other."""
    scene = Scene()

    for now, reset in ((0.0, 60.0), (30.0, 60.0), (61.0, 120.0), (130.0, 180.0)):
        for route in (LOANS, BANKS, OFFERS):
            scene.respond(route, now, 100, 50, reset)

    assert len(scene.quotas.all) == 1


def test_each_limit_has_a_quota_and_a_route_draws_on_the_one_it_named() -> None:
    """Ten loans say nothing of a thousand lists."""
    scene = Scene()
    tens = scene.respond(LOANS, 0.0, 10, 0, 60.0)
    thousands = scene.respond(BANKS, 1.0, 1000, 989, 60.0)

    assert tens is not thousands
    assert scene.quotas.of(LOANS) is tens
    assert scene.quotas.of(BANKS) is thousands
    assert (
        tens.limiter.usage.lowest_remaining,
        thousands.limiter.usage.lowest_remaining,
    ) == (0, 989)


def test_a_route_without_a_response_draws_on_the_quota_named_last() -> None:
    """Until its own response says better."""
    scene = Scene()
    tens = scene.respond(LOANS, 0.0, 10, 5, 60.0)
    before = scene.quotas.of(OFFERS)
    thousands = scene.respond(BANKS, 1.0, 1000, 989, 60.0)

    assert before is tens
    assert scene.quotas.of(OFFERS) is thousands


def test_equal_limits_with_other_windows_are_two_quotas() -> None:
    """One counts by the minute, the other by ten seconds."""
    scene = Scene()
    minute = scene.respond(LOANS, 0.0, 100, 50, 60.0)
    scene.respond(LOANS, 1.0, 100, 49, 60.0)

    seconds = scene.respond(BANKS, 12.0, 100, 99, 20.0)

    assert seconds is not minute
    assert minute.limiter.window is not None
    assert minute.limiter.window.resets_at == 60.0


def test_a_response_that_fits_its_quota_goes_to_none_of_another_length() -> None:
    """An older quota of the same limit, by the minute, takes nothing from this one."""
    scene = Scene()
    minute = scene.respond(LOANS, 0.0, 100, 50, 60.0)
    seconds = scene.respond(BANKS, 12.0, 100, 99, 20.0)

    again = scene.respond(BANKS, 13.0, 100, 98, 20.0)

    assert again is seconds
    assert minute.limiter.usage.lowest_remaining == 50


def test_a_single_route_corrects_its_quota() -> None:
    """One absurd reset is forgotten with the next response."""
    scene = Scene()
    first = scene.respond(BANKS, 0.0, 100, 50, 60.0)
    scene.respond(BANKS, 5.0, 100, 0, 3605.0)

    last = scene.respond(BANKS, 6.0, 100, 48, 60.0)

    assert last is first
    assert last.limiter.usage.lowest_remaining == 48
    assert len(scene.quotas.all) == 1


def test_an_odd_response_of_one_route_stops_no_other() -> None:
    """It gets a quota of its own, and comes back with its next response."""
    scene = Scene()
    shared = scene.respond(BANKS, 0.0, 100, 50, 60.0)
    scene.respond(LOANS, 1.0, 100, 49, 60.0)
    odd = scene.respond(LOANS, 5.0, 100, 0, 1805.0)
    untouched = shared.limiter.usage.lowest_remaining

    again = scene.respond(LOANS, 65.0, 100, 90, 120.0)

    assert (odd is shared, untouched) == (False, 49)
    assert again is shared


def test_a_late_response_of_an_older_window_names_nothing() -> None:
    """It was slow; the quota is another by now."""
    scene = Scene()
    quota = scene.respond(BANKS, 0.0, 100, 50, 60.0)
    slow = Permit(route=OFFERS)
    quota.limiter.count(slow, 59.0)
    scene.respond(BANKS, 61.0, 100, 99, 120.0)

    named = scene.end(slow, quota, 66.0, 100, 0, 60.0)

    assert named is quota
    assert quota.limiter.usage.lowest_remaining == 99
    assert len(scene.quotas.all) == 1


def test_a_sliding_quota_of_several_routes_is_one_quota() -> None:
    """Its reset moves with the time, whoever asks."""
    scene = Scene()

    for second in range(40):
        route = (LOANS, BANKS, OFFERS)[second % 3]
        scene.respond(route, second, 100, 60, second + 60.0)

    assert len(scene.quotas.all) == 1


def test_quotas_that_come_to_agree_are_one() -> None:
    """The server began a new window early, and one route heard of it first."""
    scene = Scene()
    for route in (LOANS, BANKS):
        scene.respond(route, 0.0, 100, 50, 60.0)
    scene.respond(BANKS, 20.0, 100, 99, 100.0)

    scene.respond(LOANS, 21.0, 100, 98, 100.0)

    assert scene.quotas.of(LOANS) is scene.quotas.of(BANKS)


def test_an_attempt_that_another_quota_counted_leaves_no_trace_but_a_doubt() -> None:
    """It may have been counted in both, until a later response of the first tells."""
    scene = Scene()
    tens = scene.respond(LOANS, 0.0, 10, 5, 60.0)

    thousands = scene.respond(BANKS, 1.0, 1000, 989, 60.0)
    doubted = tens.limiter.usage.uncounted
    scene.respond(LOANS, 2.0, 10, 4, 60.0)

    assert (doubted, tens.limiter.usage.uncounted) == (1, 0)
    assert [one.limiter.usage.in_flight for one in (tens, thousands)] == [0, 0]


def test_a_limit_that_is_always_another_does_not_fill_the_memory() -> None:
    """It is no quota, but a server that makes numbers up."""
    scene = Scene()

    for number in range(500):
        scene.respond(BANKS, number / 10, 100 + number, 50, 60.0)

    assert len(scene.quotas.all) == 8


def test_a_quota_that_no_route_draws_on_is_dropped_after_its_window() -> None:
    """A plan was changed: the old limit is nobody's."""
    scene = Scene()
    scene.respond(BANKS, 0.0, 100, 50, 60.0)
    scene.respond(BANKS, 10.0, 200, 150, 60.0)

    scene.respond(LOANS, 70.0, 10, 9, 120.0)

    assert sorted(one.limiter.limit for one in scene.quotas.all) == [10, 200]


def test_the_tightest_quota_in_use_is_shown() -> None:
    """Operators see the quota that stops callers first."""
    scene = Scene()
    unknown = scene.quotas.tightest(0.0).limiter.limit
    tens = scene.respond(LOANS, 0.0, 10, 2, 60.0)
    thousands = scene.respond(BANKS, 1.0, 1000, 989, 600.0)

    assert unknown == 0
    assert scene.quotas.tightest(10.0) is tens
    assert scene.quotas.tightest(61.0) is thousands  # the other's window is over


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        pytest.param([0.0, 59.0, 60.0], [True, False, True], id="once-a-minute"),
        pytest.param([0.0], [True], id="once"),
    ],
)
def test_a_route_that_nobody_named_may_look_now_and_then(
    moments: list[float], expected: list[bool]
) -> None:
    """Its quota may be another than the spent one that it borrows."""
    quotas = Scene().quotas

    assert [quotas.may_explore(OFFERS, now) for now in moments] == expected


def test_a_route_whose_quota_is_known_does_not_look() -> None:
    """It was told that nothing is left."""
    scene = Scene()
    scene.respond(LOANS, 0.0, 10, 0, 60.0)

    assert not scene.quotas.may_explore(LOANS, 1.0)
