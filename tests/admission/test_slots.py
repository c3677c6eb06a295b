"""Slots: none is lost, the first comes first, and no caller starves another."""

import asyncio

from gateway.admission.places import Presence
from gateway.admission.slots import Slots
from gateway.core.errors import Overloaded
from gateway.core.lanes import Lane

PRIORITY = 0


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_slots_go_to_those_who_wait_longest() -> None:
    """A newcomer must not overtake a queue."""
    slots, order = Slots(1), list[str]()
    assert slots.take_free("a", Lane.NORMAL)

    async def take(name: str) -> None:
        assert await slots.wait("a", Lane.NORMAL, 5.0)
        order.append(name)
        slots.give("a", Lane.NORMAL)

    tasks = [asyncio.create_task(take(name)) for name in "abc"]
    await settle()
    slots.give("a", Lane.NORMAL)
    await asyncio.gather(*tasks)

    assert (order, slots.free) == (["a", "b", "c"], 1)


async def test_who_waits_too_long_gets_none_and_keeps_none() -> None:
    """The next one must not wait for a slot that nobody holds."""
    slots = Slots(1)
    assert slots.take_free("a", Lane.NORMAL)

    got = await slots.wait("a", Lane.NORMAL, 0.01)
    slots.give("a", Lane.NORMAL)

    assert (got, slots.free) == (False, 1)


async def test_a_cancelled_waiter_loses_no_slot() -> None:
    """Callers hang up while they queue."""
    slots = Slots(1)
    assert slots.take_free("a", Lane.NORMAL)
    leaver, stayer = (
        asyncio.create_task(slots.wait("a", Lane.NORMAL, 5.0)) for _ in range(2)
    )
    await settle()

    leaver.cancel()
    slots.give("a", Lane.NORMAL)

    assert await stayer is True
    slots.give("a", Lane.NORMAL)
    assert slots.free == 1


async def test_a_waiter_cancelled_just_as_it_is_served_passes_the_slot_on() -> None:
    """The slot was already its own."""
    slots = Slots(1)
    assert slots.take_free("a", Lane.NORMAL)
    leaver, stayer = (
        asyncio.create_task(slots.wait("a", Lane.NORMAL, 5.0)) for _ in range(2)
    )
    await settle()

    slots.give("a", Lane.NORMAL)
    leaver.cancel()

    assert await stayer is True
    slots.give("a", Lane.NORMAL)
    assert (leaver.cancelled(), slots.free) == (True, 1)


async def test_no_slot_is_lost_in_a_crowd_that_comes_and_goes() -> None:
    """After an hour of hang-ups every slot is there again."""
    slots = Slots(3)

    async def visit(number: int) -> None:
        if await slots.wait("a", Lane.NORMAL, 0.002 * (number % 5)):
            try:
                await asyncio.sleep(0.001 * (number % 3))
            finally:
                slots.give("a", Lane.NORMAL)

    tasks = [asyncio.create_task(visit(number)) for number in range(200)]
    await asyncio.sleep(0.003)
    for task in tasks[::3]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert slots.free == 3


async def test_batch_work_stands_behind_and_its_newest_goes_first() -> None:
    """What somebody waits for at a screen comes before what runs at night."""
    slots, order = Slots(1), list[str]()
    assert slots.take_free("a", Lane.NORMAL)

    async def take(name: str, *, batch: bool) -> None:
        lane = Lane.BATCH if batch else Lane.NORMAL
        try:
            await slots.wait("a", lane, 5.0)
        except Overloaded:
            order.append(f"{name} shed")
            return
        order.append(name)
        slots.give("a", lane)

    waiting = [("b1", True), ("b2", True), ("a1", False), ("b3", True)]
    tasks = [asyncio.create_task(take(name, batch=batch)) for name, batch in waiting]
    await settle()
    shed = slots.shed()
    await settle()
    slots.give("a", Lane.NORMAL)
    await asyncio.gather(*tasks)

    assert (shed, slots.shed()) == (True, False)
    assert order == ["b3 shed", "a1", "b1", "b2"]
    assert slots.free == 1


async def test_slots_can_become_fewer_and_more_again() -> None:
    """Those in use go on; what is given back beyond the size is not taken."""
    slots = Slots(3)
    for _ in range(3):
        assert slots.take_free("a", Lane.NORMAL)

    slots.resize(1)
    slots.give("a", Lane.NORMAL)
    fewer = slots.take_free("a", Lane.NORMAL)
    slots.give("a", Lane.NORMAL)
    waiter = asyncio.create_task(slots.wait("a", Lane.NORMAL, 5.0))
    await settle()
    slots.resize(3)
    await settle()

    assert fewer is False
    assert waiter.done()
    assert slots.free == 1


def crowded(size: int) -> Slots:
    return Slots(size, presence=Presence(("a", "b", "c")))


def fill(slots: Slots, caller: str, lane: int = Lane.NORMAL) -> int:
    """Take all that a caller can have; return how many that were."""
    count = 0
    while slots.take_free(caller, lane):
        count += 1
    return count


async def test_a_caller_that_wants_every_slot_leaves_some_to_others() -> None:
    """Two hundred slow calls of one service must not refuse the loans of another."""
    slots = crowded(64)
    most = fill(slots, "a")
    queued = asyncio.create_task(slots.wait("a", Lane.NORMAL, 5.0))
    await settle()

    second = fill(slots, "b")

    assert (most, second) == (45, 12)
    assert slots.take_free("c", Lane.NORMAL)
    assert not queued.done()
    queued.cancel()


async def test_a_free_slot_goes_to_the_caller_that_holds_least() -> None:
    """However many of another wait in front of it."""
    slots, order = crowded(8), list[str]()
    fill(slots, "a")
    while slots.free > 0:
        slots.take("b", Lane.NORMAL)

    async def take(caller: str) -> None:
        assert await slots.wait(caller, Lane.NORMAL, 5.0)
        order.append(caller)

    tasks = [asyncio.create_task(take(caller)) for caller in "aabc"]
    await settle()
    for _ in range(2):
        slots.give("b", Lane.NORMAL)
        await settle()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert order[0] == "c"


async def test_money_goes_first_and_has_a_sixteenth_to_itself() -> None:
    """A crowd of look-ups by one service alone must not refuse its own loans."""
    slots, order = Slots(32), list[str]()
    ordinary = fill(slots, "a")
    loans = fill(slots, "a", PRIORITY)

    async def take(name: str, lane: int) -> None:
        assert await slots.wait("a", lane, 5.0)
        order.append(name)

    tasks = [
        asyncio.create_task(take("look-up", Lane.NORMAL)),
        asyncio.create_task(take("loan", PRIORITY)),
    ]
    await settle()
    slots.give("a", Lane.NORMAL)
    await settle()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert (ordinary, loans) == (30, 2)
    assert order == ["loan"]


async def test_batch_work_leaves_a_quarter_free() -> None:
    """Nobody at a screen stands behind a slow report."""
    slots = Slots(32)

    assert (fill(slots, "a", Lane.BATCH), fill(slots, "a")) == (24, 6)
