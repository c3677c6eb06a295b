"""Permits: waiting in turn, being cancelled, making room."""

import asyncio

import pytest

from gateway.core.errors import RateLimited
from tests.ratelimit.scene import Scene
from tests.ratelimit.timeline import settle


async def test_waiters_are_served_in_their_order() -> None:
    """First come, first served, and interactive before batch."""
    scene = Scene(remaining=1)
    await scene.learn()
    await scene.clock.advance(9.0)
    tasks = [
        scene.start("batch", interactive=False),
        *(scene.start(name) for name in "abc"),
        scene.start("loan"),
    ]
    priority = scene.exchange("priority", route="/loans")
    priority.method = "POST"
    tasks.append(asyncio.create_task(scene.send(priority)))
    await settle()

    scene.upstream.next_window()
    await scene.clock.advance(1.5)

    assert scene.upstream.asked == [
        "priority",
        "a",
        "b",
        "c",
        "loan",
        "batch",
    ]
    assert all(task.done() for task in tasks)


async def test_a_cancelled_waiter_leaves_no_trace() -> None:
    """Its place goes to the next one, and the timer ends with the last."""
    scene = Scene(remaining=1)
    await scene.learn()
    await scene.clock.advance(9.0)
    task = scene.start("a")
    await settle()
    waiting = scene.stage.snapshot.waiting

    task.cancel()
    await settle()

    after = scene.stage.snapshot
    assert (waiting, after.waiting, after.in_flight) == (1, 0, 0)
    assert all(outcome.cancelled() for _, outcome in scene.clock._sleepers)


async def test_a_waiter_cancelled_with_its_permit_in_hand_gives_it_back() -> None:
    """Granted and cancelled in the same turn of the loop."""
    scene = Scene(remaining=1)
    await scene.learn()
    await scene.clock.advance(9.0)
    task = scene.start("a")
    await settle()
    scene.clock._now += 1.5

    scene.permits.wake()
    granted = scene.stage.snapshot.in_flight
    task.cancel()
    await settle()

    after = scene.stage.snapshot
    assert (granted, after.in_flight, task.cancelled()) == (1, 0, True)
    assert scene.upstream.asked == []


async def test_a_waiter_cancelled_before_its_permit_passes_it_on() -> None:
    """The queue is served before the cancelled one has run again."""
    scene = Scene(remaining=1)
    await scene.learn()
    await scene.clock.advance(9.0)
    first, second = scene.start("a"), scene.start("b")
    await settle()
    scene.clock._now += 1.5
    scene.upstream.next_window()

    first.cancel()
    scene.permits.wake()
    await settle()

    assert (first.cancelled(), scene.upstream.asked) == (True, ["b"])
    assert second.done()
    assert (scene.stage.snapshot.in_flight, scene.stage.snapshot.waiting) == (0, 0)


async def test_those_who_wait_follow_their_route_to_another_quota() -> None:
    """Its response has just said that another limit counts for it."""
    scene = Scene(remaining=1)
    await scene.learn()
    await scene.clock.advance(9.0)
    scene.upstream.gate.clear()
    scene.upstream.more = {"X-RateLimit-Limit": "500", "X-RateLimit-Remaining": "400"}
    first = scene.start("first", route="/customers")
    held = scene.start("held", route="/customers")
    await settle()
    asked = list(scene.upstream.asked)
    await scene.clock.advance(1.3)

    scene.upstream.gate.set()
    await settle()

    assert asked == []
    assert scene.upstream.asked == ["first", "held"]
    assert scene.stage.snapshot.waiting == 0
    await asyncio.gather(first, held)


async def test_a_new_route_sends_one_attempt_beside_a_spent_quota() -> None:
    """Its quota may be another; the second request waits for what the first is told."""
    scene = Scene(remaining=1)
    await scene.learn()

    await scene.send(scene.exchange("look", route="/customers"))

    assert scene.upstream.asked == ["look"]
    with pytest.raises(RateLimited):
        await scene.send(scene.exchange("told", route="/customers"))


async def test_no_route_looks_while_a_429_keeps_everybody_away() -> None:
    """Dinie has said when to come again."""
    scene = Scene()
    scene.upstream.status, scene.upstream.more = 429, {"Retry-After": "30"}
    await scene.learn()

    with pytest.raises(RateLimited):
        await scene.send(scene.exchange("look", route="/customers"))

    assert scene.upstream.asked == []


async def test_batch_work_does_not_look() -> None:
    """It has time until the window ends."""
    scene = Scene(remaining=1)
    await scene.learn()

    with pytest.raises(RateLimited):
        await scene.send(scene.exchange("a", route="/customers", interactive=False))
