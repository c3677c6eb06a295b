"""Routes with quotas of their own: none stops another, and none is overrun."""

import pytest

from tests.experiments.crowd import Alternating, Caller, Crowd
from tests.ratelimit.simulation import FixedServer

SEEDS = [1, 2, 3]


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_route_whose_quota_is_spent_stops_no_other(seed: int) -> None:
    """Ten loans a minute say nothing of the thousand lists beside them."""
    callers = [Caller("loans", 2.0, route="/loans"), Caller("lists", 13.0)]
    servers = {"/loans": FixedServer(10, 60.0), "/banks": FixedServer(1000, 60.0)}

    crowd = await Crowd(callers, seed=seed, length=60.0, servers=servers).play(3)

    lists, loans = crowd.seen["lists"], crowd.seen["loans"]
    assert (lists.refused, crowd.rejected) == (0, 0)
    assert lists.wait(0.99) <= 0.3
    assert len(loans.admitted) >= 0.9 * 30


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("limit", "length"), [(100, 10.0), (1000, 10.0), (100, 20.0)], ids=str
)
async def test_each_of_two_quotas_is_used_up_and_not_overrun(
    limit: int, length: float, seed: int
) -> None:
    """Other limit, other window, or both: as good as one quota alone."""
    callers = [Caller("a", 50.0, route="/a"), Caller("b", 300.0, route="/b")]
    servers = {"/a": FixedServer(200, 10.0), "/b": FixedServer(limit, length)}
    crowd = Crowd(callers, seed=seed, length=20.0, servers=servers, configured=False)

    await crowd.play(3)

    a, b = (len(crowd.seen[name].admitted) for name in "ab")
    assert crowd.rejected == 0
    assert a >= 0.93 * 6 * 200
    assert b >= 0.93 * limit * 60.0 / length


@pytest.mark.parametrize("seed", SEEDS)
async def test_limits_that_alternate_leave_a_route_open(seed: int) -> None:
    """Two servers behind one address; the smaller one must not close for both."""
    server = Alternating(FixedServer(100, 10.0), FixedServer(1000, 10.0))
    servers = {"/banks": server}
    callers = [Caller("a", 15.0)]

    crowd = await Crowd(callers, seed=seed, length=10.0, servers=servers).play(6)

    assert crowd.rejected <= 1
    assert len(crowd.seen["a"].admitted) >= 0.95 * crowd.seen["a"].offered


@pytest.mark.parametrize("seed", SEEDS)
async def test_routes_with_one_quota_share_one_quota(seed: int) -> None:
    """The documented case: what one route uses is gone for all of them."""
    routes = ("/banks", "/customers", "/loans", "/offers")
    callers = [Caller(route, 20.0, route=route) for route in routes]
    server = FixedServer(100, 10.0)
    servers = dict.fromkeys(routes, server)
    crowd = Crowd(callers, seed=seed, length=10.0, servers=servers, configured=False)

    await crowd.play(6)

    assert crowd.rejected == 0
    assert crowd.used(6) >= 0.94
    assert len(crowd.stage._quotas.all) == 1


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_route_that_is_new_beside_a_spent_quota_finds_its_own(
    seed: int,
) -> None:
    """It comes first when nothing is left of the only quota that is known."""
    callers = [Caller("loans", 2.0, route="/loans"), Caller("late", 0.5)]
    servers = {"/loans": FixedServer(10, 600.0), "/banks": FixedServer(1000, 600.0)}

    crowd = await Crowd(callers, seed=seed, length=600.0, servers=servers).play(1)

    assert crowd.rejected == 0
    assert crowd.seen["late"].refused <= 1
