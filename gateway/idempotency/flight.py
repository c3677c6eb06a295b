"""A keyed request in flight: its leader, and the followers that wait for it."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web

from gateway.core.backoff import ATTEMPT_MARGIN
from gateway.core.clock import Instant
from gateway.core.errors import GatewayError, OutcomeUnknown
from gateway.core.exchange import Exchange

_LATE: Final = 0.25  # s behind a deadline: the process stood still meanwhile
_GRACE: Final = 0.25  # s in which the leader reads what arrived while it did


class Flight:
    """A request on its way, and the followers that wait for its response."""

    __slots__ = ("done", "followed", "leader")

    def __init__(self, leader: Exchange) -> None:
        """Begin a flight, led by the first request with its key."""
        self.leader = leader
        self.followed = False  # without a follower no copy is made
        # The leader's response or error; None: it did not come to one, take over.
        self.done: asyncio.Future[web.Response | GatewayError | None] = (
            asyncio.get_running_loop().create_future()
        )


async def follow(
    flight: Flight, exchange: Exchange, clock: Callable[[], Instant]
) -> web.Response | GatewayError | None:
    """Wait for the leader's end, at most until the follower's own deadline.

    Args:
        flight: The call in flight.
        exchange: The follower.
        clock: Both clocks.

    Returns:
        The leader's response, or its error; None where it came to neither.

    Raises:
        OutcomeUnknown: the deadline came first.
    """
    flight.followed = True
    began = clock().monotonic
    try:
        return await _ended(flight, exchange.deadline, clock)
    except TimeoutError:
        exchange.history.sends = flight.leader.history.sends
        raise OutcomeUnknown(
            "The same request is still on its way. Repeat it with "
            f"Idempotency-Key: {exchange.key} to learn what became of it.",
            retry_after=1.0,
        ) from None
    finally:
        waited = clock().monotonic - began
        exchange.history.waits.queue += waited
        exchange.history.step(began, "followed", waited)


async def _ended(
    flight: Flight, deadline: float, clock: Callable[[], Instant]
) -> web.Response | GatewayError | None:
    try:
        async with asyncio.timeout(max(0.0, deadline - clock().monotonic)):
            return await asyncio.shield(flight.done)
    except TimeoutError:
        if clock().monotonic - deadline < _LATE:
            raise
    # The process was stopped: the leader's response may lie in its socket, unread.
    async with asyncio.timeout(_GRACE):
        return await asyncio.shield(flight.done)


def takes_over(leader: Exchange, follower: Exchange, *, now: float) -> bool:
    """Return whether a follower repeats a request whose leader had less time.

    Under the same key it is a retry. A leader that failed for another reason than its
    deadline speaks for all: repeated by each follower, its failure would be a storm.

    Args:
        leader: Has ended without a response.
        follower: Waited for it.
        now: s, monotonic.
    """
    return (
        leader.history.out_of_time
        and follower.target.repeatable
        and follower.deadline > leader.deadline
        and follower.deadline - now > ATTEMPT_MARGIN
    )


def copy_facts(leader: Exchange, follower: Exchange) -> None:
    """Have a follower's response say of the request what the leader's says.

    The boundary reads these facts to write the head of the response.
    """
    follower.in_doubt = leader.in_doubt
    follower.history.adopt(leader.history)
