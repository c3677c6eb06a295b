"""Occupancy: a slow body holds a place as long as nobody else wants it."""

import pytest

from gateway.admission.arrivals import Arrival
from gateway.admission.occupancy import Occupancy
from gateway.admission.places import Presence
from gateway.core.errors import Overloaded
from gateway.core.lanes import Lane

PRIORITY = 0
SIZE = 32


class Slow(Arrival):
    """A body that nobody reads here."""

    def drop(self) -> None:
        self.dropped = True


def slow(room: Occupancy, caller: str, lane: int = Lane.NORMAL) -> Slow:
    body = Slow(caller, lane, 60.0)
    room.expect(body)
    return body


def fill(room: Occupancy, caller: str) -> list[Slow]:
    bodies = []
    try:
        while True:
            bodies.append(slow(room, caller))
    except Overloaded:
        return bodies


def room(*callers: str, shed: tuple[bool, ...] = ()) -> Occupancy:
    left = list(shed)
    return Occupancy(
        SIZE,
        presence=Presence(callers),
        shed=(lambda: left.pop() if left else False,),
    )


async def test_slow_bodies_of_one_caller_refuse_nobody() -> None:
    """They may fill the gateway, and give way as soon as another request comes."""
    full = room("a", "b")
    bodies = fill(full, "a")

    other = slow(full, "b")
    for _ in range(8):
        full.enter("b", PRIORITY)

    assert len(bodies) == SIZE - SIZE // 16
    assert [body.dropped for body in bodies] == [True] * 7 + [False] * 23
    assert not other.dropped
    assert full.inside == SIZE


async def test_bodies_are_shared_out_by_caller() -> None:
    """Two that send slowly have half each in the end."""
    full = room("a", "b")
    fill(full, "a")
    fill(full, "b")

    assert (full.arrivals.of("a"), full.arrivals.of("b")) == (15, 15)


async def test_a_caller_over_its_share_is_refused_while_there_is_room() -> None:
    """What others may need in a moment is not there for who has most."""
    shared = room("a", "b")
    for _ in range(23):
        shared.enter("a", Lane.NORMAL)

    with pytest.raises(Overloaded, match="share"):
        shared.enter("a", Lane.NORMAL)
    shared.enter("b", Lane.NORMAL)
    for _ in range(23):
        shared.leave("a", Lane.NORMAL)
    shared.leave("b", Lane.NORMAL)
    assert shared.inside == 0


async def test_batch_work_pushes_no_body_out() -> None:
    """It waits for a quieter moment."""
    full = room()
    fill(full, "a")

    with pytest.raises(Overloaded):
        full.enter("b", Lane.BATCH)
    with pytest.raises(Overloaded):
        slow(full, "b", Lane.BATCH)


async def test_batch_work_that_waits_makes_room() -> None:
    """Until it has left, one more is inside."""
    full = room(shed=(True,))
    for _ in range(SIZE - SIZE // 16):
        full.enter("a", Lane.NORMAL)

    full.enter("a", Lane.NORMAL)

    with pytest.raises(Overloaded):
        full.enter("a", Lane.NORMAL)
