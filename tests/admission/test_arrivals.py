"""Arrivals: which body gives way, and what becomes of whoever reads it."""

import asyncio

import pytest

from gateway.admission.arrivals import Arrival, Arrivals, displaced
from gateway.core.lanes import Lane


async def arrivals(*of: tuple[str, int]) -> tuple[Arrivals, list[Arrival]]:
    """Return bodies that arrive, each inside its time, and the bodies."""
    every, made = Arrivals(), []
    for caller, lane in of:
        one = Arrival(caller, lane, 60.0)
        every.add(one)
        made.append(one)
    return every, made


async def enter(one: Arrival) -> bool:
    """Read a body that never comes; return whether it was dropped."""
    try:
        async with one.timeout:
            await asyncio.get_running_loop().create_future()
    except TimeoutError:
        return one.dropped
    return False


async def dropped(every: Arrivals, made: list[Arrival], *for_whom: object) -> list[int]:
    """Return the numbers of those that give way."""
    tasks = [asyncio.create_task(enter(one)) for one in made]
    await asyncio.sleep(0)
    caller, lane = for_whom
    every.drop_for(None if caller is None else str(caller), int(str(lane)))
    await asyncio.sleep(0.01)
    found = [number for number, task in enumerate(tasks) if task.done()]
    assert [number for number, one in enumerate(made) if one.dropped] == found
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return found


async def test_the_caller_with_most_bodies_gives_up_its_oldest() -> None:
    """Whoever sends three hundred slowly has no claim against who sends one."""
    every, made = await arrivals(("b", Lane.NORMAL), *[("a", Lane.NORMAL)] * 3)

    assert await dropped(every, made, "c", Lane.NORMAL) == [1]
    assert (len(every), every.of("a"), every.of("b")) == (3, 2, 1)


@pytest.mark.parametrize("caller", ["a", "b"])
async def test_nobody_gives_way_to_a_caller_with_as_many(caller: str) -> None:
    """Or two callers would push each other out for ever."""
    every, made = await arrivals(*[("a", Lane.NORMAL)] * 2, ("b", Lane.NORMAL))

    assert await dropped(every, made, caller, Lane.NORMAL) == []


async def test_batch_bodies_give_way_first() -> None:
    """Even where another caller has more."""
    every, made = await arrivals(*[("a", Lane.NORMAL)] * 3, ("b", Lane.BATCH))

    assert await dropped(every, made, "c", Lane.NORMAL) == [3]


async def test_a_whole_request_goes_before_any_body() -> None:
    """It needs no more patience, its own caller's slow bodies included."""
    every, made = await arrivals(("a", Lane.NORMAL))

    assert await dropped(every, made, None, Lane.NORMAL) == [0]
    assert every.drop_for(None, Lane.NORMAL) is False


async def test_the_oldest_goes_where_all_are_of_strangers() -> None:
    """Nothing tells one from another but how long it takes."""
    every, made = await arrivals(*[("other", Lane.NORMAL)] * 2)
    tasks = [asyncio.create_task(enter(one)) for one in made]
    await asyncio.sleep(0)

    every.drop_oldest()
    await asyncio.sleep(0.01)
    every.remove(made[0])  # as its reader does, once more

    assert [task.done() for task in tasks] == [True, False]
    assert list(every) == [made[1]]
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_who_gave_way_may_come_again_at_once() -> None:
    """Its next body may be quicker."""
    assert displaced().retry_after == 1.0
