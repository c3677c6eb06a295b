"""RateLimitStage: what becomes of a place when its attempt does not end well."""

import asyncio
import contextlib
import random

import pytest

from gateway.core.errors import RateLimited
from gateway.core.exchange import Exchange
from gateway.core.stage import Send
from gateway.core.upstream_response import UpstreamResponse
from tests.exchanges import change
from tests.ratelimit.scene import Scene
from tests.ratelimit.timeline import settle


@pytest.mark.parametrize("limits", [(20,), (20, 50, 200)], ids=["one", "several"])
@pytest.mark.parametrize("seed", range(3))
async def test_no_place_leaks_whatever_happens(
    seed: int, limits: tuple[int, ...]
) -> None:
    """Failures before and after the send, cancellations, refusals, all at once."""
    scene, dice = Scene(reserve=0.05), random.Random(seed)
    tasks = []

    async def fail(exchange: Exchange) -> UpstreamResponse:
        scene.upstream.sends = dice.random() > 0.1
        scene.upstream.fault = OSError() if dice.random() < 0.1 else None
        scene.upstream.window = int(scene.clock.unix() // 10 + 1) * 10
        scene.upstream.remaining = dice.randrange(1, 21)
        scene.upstream.more = {"X-RateLimit-Limit": str(dice.choice(limits))}
        answer = await scene.upstream(exchange)
        await scene.clock.sleep(dice.random())
        return answer

    for index in range(400):
        exchange = scene.exchange(str(index), interactive=dice.random() < 0.8)
        change(exchange, background=dice.random() < 0.5)
        exchange.caller = dice.choice("abc")
        change(exchange, route=dice.choice(["/banks", "/loans"]))
        tasks.append(asyncio.create_task(_tell(scene, exchange, fail)))
        await scene.clock.advance(dice.expovariate(15))
        if dice.random() < 0.2:
            dice.choice(tasks[-10:]).cancel()
    await scene.clock.advance(60.0)

    after, quotas = scene.stage.snapshot, scene.stage._quotas.all
    assert len(quotas) >= len(limits)
    assert all(task.done() for task in tasks)
    assert (after.in_flight, after.waiting, scene.clock.sleepers) == (0, 0, 0)
    for limiter in (quota.limiter for quota in quotas):
        usage, callers = limiter.usage, limiter.shares._callers.values()
        assert {(one.waiting, one.used < 0) for one in callers} == {(0, False)}
        assert (usage.batch_in_flight, usage.from_before) == (0, 0)
        assert usage.uncounted == len(usage._ghosts) + usage._headerless


async def _tell(scene: Scene, exchange: Exchange, send: Send) -> None:
    with contextlib.suppress(RateLimited, OSError):
        await scene.stage(exchange, send)


@pytest.mark.parametrize(
    ("sends", "uncounted"),
    [pytest.param(False, 0, id="not-sent"), pytest.param(True, 1, id="sent")],
)
async def test_a_failure_keeps_the_place_only_of_what_was_sent(
    sends: bool, uncounted: int
) -> None:
    """A refused connect costs Dinie nothing; a lost answer may have."""
    scene = Scene()
    await scene.learn()
    scene.upstream.sends = sends
    scene.upstream.fault = OSError()

    with pytest.raises(OSError, match=r"^$"):
        await scene.send(scene.exchange())

    assert scene.stage.snapshot.in_flight == 0
    assert scene.permits.limiter.usage.uncounted == uncounted


async def test_cancelling_a_sent_attempt_leaves_a_ghost() -> None:
    """It may have been counted."""
    scene = Scene()
    await scene.learn()
    scene.upstream.gate.clear()
    task = scene.start("a")
    await settle()

    task.cancel()
    await settle()

    assert scene.permits.limiter.usage.uncounted == 1
