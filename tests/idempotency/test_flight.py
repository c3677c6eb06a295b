"""Flight: whose response a follower takes, and when it asks itself."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from gateway.core.clock import Instant
from gateway.core.errors import GatewayError, OutcomeUnknown
from gateway.core.exchange import Exchange
from gateway.idempotency.flight import Flight, copy_facts, follow, takes_over
from tests.idempotency.scene import call


def now() -> Instant:
    return Instant(asyncio.get_running_loop().time(), 0.0)


def within(seconds: float, **fields: Any) -> Exchange:
    return call(deadline=now().monotonic + seconds, key="order-1", **fields)


@pytest.mark.parametrize(
    ("leader", "follower", "expected"),
    [
        pytest.param(call(out_of_time=True, deadline=1.0), {}, True, id="had-less"),
        pytest.param(call(deadline=1.0), {}, False, id="failed-otherwise"),
        pytest.param(
            call(out_of_time=True, deadline=25.0), {}, False, id="had-as-much"
        ),
        pytest.param(
            call(out_of_time=True, deadline=1.0),
            {"repeatable": False},
            False,
            id="cannot-be-repeated",
        ),
        pytest.param(
            call(out_of_time=True, deadline=1.0),
            {"deadline": 1.2},
            False,
            id="nothing-left-itself",
        ),
    ],
)
def test_a_follower_takes_over_only_from_a_leader_with_less_time(
    leader: Exchange, follower: dict[str, Any], *, expected: bool
) -> None:
    """One caller's short deadline is not another's; any other failure is for all."""
    made = call(**{"deadline": 25.0, **follower})

    assert takes_over(leader, made, now=1.0) is expected


def test_a_copy_says_all_that_the_leader_s_response_says() -> None:
    """Told less, a follower uses a new key: a second loan."""
    leader = call(note="unknown", sends=4, unknown_sends=2, in_doubt=True)
    leader.history.untyped, leader.history.retry_after = True, 7.0
    follower = call()

    copy_facts(leader, follower)

    assert (follower.history.note, follower.history.sends) == ("unknown", 4)
    assert (follower.history.unknown_sends, follower.in_doubt) == (2, True)
    assert (follower.history.untyped, follower.history.retry_after) == (True, 7.0)
    assert not follower.history.became_unknown


async def test_a_follower_waits_no_longer_than_its_own_deadline() -> None:
    """Its caller gives up then, whatever the leader was given."""
    flight = Flight(call(sends=1))
    exchange = within(0.02)

    with pytest.raises(OutcomeUnknown, match="still on its way"):
        await follow(flight, exchange, now)

    assert (exchange.history.sends, flight.done.done()) == (1, False)
    assert exchange.history.waits.queue > 0


@pytest.mark.parametrize(
    "end", [web.Response(status=201), OutcomeUnknown("lost"), None]
)
async def test_a_follower_hears_how_the_leader_ended(
    end: web.Response | GatewayError | None,
) -> None:
    """A response, an error, or neither."""
    flight = Flight(call())
    asyncio.get_running_loop().call_soon(flight.done.set_result, end)

    assert await follow(flight, within(5.0), now) is end
    assert flight.followed


async def test_a_process_that_stood_still_reads_the_leader_s_response_first() -> None:
    """It arrived in time; only this process did not look."""
    flight = Flight(call())
    response = web.Response(status=201)
    asyncio.get_running_loop().call_later(0.05, flight.done.set_result, response)

    assert await follow(flight, within(-12.0), now) is response
