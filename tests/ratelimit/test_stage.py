"""RateLimitStage: holding, refusing, waking and learning, on a fake clock."""

import asyncio

import pytest

from gateway.core.errors import RateLimited
from gateway.ratelimit.snapshot import Snapshot
from tests.ratelimit.scene import Scene
from tests.ratelimit.timeline import settle


async def test_an_answer_teaches_the_quota() -> None:
    """Operators see what the gateway goes by."""
    scene = Scene()

    await scene.learn()

    expected = Snapshot(20, 19, 1_790_000_010.0, 0, 0.0, 0)
    assert scene.stage.snapshot == expected


async def test_an_unknown_quota_says_so() -> None:
    """No number is better than a made-up one."""
    assert Scene().stage.snapshot == Snapshot(None, None, None, 0, 0.0, 0)


async def test_before_the_first_answer_one_goes_and_its_answer_releases_the_rest() -> (
    None
):
    """The first answer tells what there is."""
    scene = Scene()
    scene.upstream.gate.clear()
    tasks = [scene.start(name) for name in "abcde"]
    await settle()
    alone = list(scene.upstream.asked)

    scene.upstream.gate.set()
    await settle()

    assert (alone, scene.upstream.asked) == (["a"], list("abcde"))
    assert all(task.done() for task in tasks)


async def test_a_reset_that_fits_is_waited_for() -> None:
    """A second's patience is cheaper than an error."""
    scene = Scene(remaining=1)
    await scene.learn()
    await scene.clock.advance(9.0)
    exchange = scene.exchange("held")
    task = asyncio.create_task(scene.send(exchange))
    await settle()
    asked = list(scene.upstream.asked)

    scene.upstream.next_window()
    await scene.clock.advance(1.3)

    assert (asked, task.done()) == ([], True)
    assert exchange.history.waits.permit == pytest.approx(1.25)
    assert scene.held == pytest.approx([1.25])


async def test_a_reset_past_the_longest_wait_is_refused_at_once_and_unsent() -> None:
    """The caller learns when to come to be held until the reset; Dinie sees nothing."""
    scene = Scene(remaining=1)
    await scene.learn()

    with pytest.raises(RateLimited) as refused:
        await scene.send(scene.exchange())

    assert refused.value.retry_after == pytest.approx(10.25 - 1.95)
    assert "20 requests" in refused.value.detail
    assert (scene.upstream.asked, scene.clock.sleepers) == ([], 0)


async def test_a_wait_that_outlives_the_deadline_is_refused_at_once() -> None:
    """An attempt begun with nothing left could only be cut off."""
    scene = Scene(remaining=1)
    await scene.learn()
    await scene.clock.advance(9.0)

    with pytest.raises(RateLimited):
        await scene.send(scene.exchange(deadline=scene.clock.now() + 1.5))

    assert scene.stage.snapshot.waiting == 0


async def test_at_the_reset_one_probe_goes_before_the_rest() -> None:
    """Not everybody at once: clocks differ."""
    scene = Scene(remaining=1)
    await scene.learn()
    await scene.clock.advance(9.0)
    tasks = [scene.start(name) for name in "abc"]
    await settle()
    scene.upstream.next_window()
    scene.upstream.gate.clear()

    await scene.clock.advance(1.3)
    alone = list(scene.upstream.asked)
    scene.upstream.gate.set()
    await settle()

    assert (alone, scene.upstream.asked) == (["a"], ["a", "b", "c"])
    await asyncio.gather(*tasks)


async def test_whoever_is_not_served_in_time_is_refused_with_the_predicted_slot() -> (
    None
):
    """The probe's answer did not come, and the caller's patience is at its end."""
    scene = Scene(remaining=1)
    await scene.learn()
    await scene.clock.advance(9.5)
    first, second = scene.start("a"), scene.start("b")
    await settle()
    scene.upstream.gate.clear()

    await scene.clock.advance(2.0)

    assert isinstance(second.exception(), RateLimited)
    assert scene.stage.snapshot.waiting == 0
    assert scene.clock.sleepers == 0
    first.cancel()


async def test_a_429_closes_and_a_503_does_not() -> None:
    """A Retry-After on a 503 binds that request only."""
    scene = Scene()
    await scene.learn()
    scene.upstream.more = {"Retry-After": "30"}

    scene.upstream.status = 503
    await scene.send(scene.exchange("a"))
    await scene.send(scene.exchange("b"))
    scene.upstream.status = 429
    await scene.send(scene.exchange("c"))

    with pytest.raises(RateLimited) as refused:
        await scene.send(scene.exchange("d"))
    # With a moment of grace, and in time to be held until then.
    assert refused.value.retry_after == pytest.approx(30.25 - 1.95)
    assert scene.upstream.asked == ["a", "b", "c"]


async def test_a_full_queue_is_told_the_window_that_it_would_be_served_in() -> None:
    """Two seconds reach into the next window, which has room for twenty."""
    scene = Scene(remaining=1)
    await scene.learn()
    await scene.clock.advance(9.0)

    tasks = [scene.start(str(index)) for index in range(25)]
    await settle()

    refused = [task for task in tasks if task.done()]
    assert len(refused) == 5
    errors = [task.exception() for task in refused]
    told = [error.retry_after for error in errors if isinstance(error, RateLimited)]
    # In time for the window after it.
    assert told == pytest.approx([11.25 - 1.95] * 5)
    for task in tasks:
        task.cancel()


SPENT = {"X-RateLimit-Remaining": "0", "Retry-After": "600"}


@pytest.mark.parametrize("status", [200, 429])
async def test_a_response_to_a_caller_s_own_bearer_teaches_nothing(status: int) -> None:
    """A customer's session that is out of its quota must not stop everybody's calls."""
    scene = Scene()
    await scene.learn()
    before = scene.stage.snapshot
    scene.upstream.status, scene.upstream.more = status, SPENT

    await scene.send(scene.exchange("customer", own_bearer=True))
    after = scene.stage.snapshot
    await scene.send(scene.exchange("ours"))

    assert after == before
    assert scene.upstream.asked == ["customer", "ours"]


async def test_a_call_with_its_own_bearer_takes_no_place_of_the_gateway_s() -> None:
    """Our quota is spent; a customer's session is not our client id."""
    scene = Scene(remaining=1)
    await scene.learn()

    await scene.send(scene.exchange("customer", own_bearer=True))

    assert scene.upstream.asked == ["customer"]
    with pytest.raises(RateLimited):
        await scene.send(scene.exchange("ours"))


async def test_shared_session_tokens_take_and_teach() -> None:
    """Where Dinie counts sessions against the partner's quota, the operator says so."""
    scene = Scene(session_tokens="shared")
    await scene.learn()
    scene.upstream.more = SPENT

    await scene.send(scene.exchange("customer", own_bearer=True))

    with pytest.raises(RateLimited):
        await scene.send(scene.exchange("ours"))
    with pytest.raises(RateLimited):
        await scene.send(scene.exchange("customer", own_bearer=True))


async def test_the_next_credential_takes_a_place_and_teaches_nothing() -> None:
    """A rotation's canary has another client id, whose quota may be another one."""
    scene = Scene()
    await scene.learn()
    before = scene.stage.snapshot
    scene.upstream.status, scene.upstream.more = 429, SPENT
    scene.upstream.gate.clear()

    task = scene.start("canary", canary=True)
    await settle()
    under_way = scene.stage.snapshot.in_flight
    scene.upstream.gate.set()
    await task

    assert under_way == 1
    assert scene.stage.snapshot == before


async def test_a_429_with_something_left_holds_requests_for_its_retry_after() -> None:
    """After 50 ms this window goes on: nobody is sent away for a minute."""
    scene = Scene()
    await scene.learn()
    scene.upstream.status = 429
    scene.upstream.more = {"Retry-After-Ms": "50"}
    await scene.send(scene.exchange("refused"))
    scene.upstream.status, scene.upstream.more = 200, {}

    tasks = [scene.start(str(number)) for number in range(10)]
    await settle()
    early = list(scene.upstream.asked)
    await scene.clock.advance(0.5)

    assert early == ["refused"]
    assert [task.done() and task.exception() for task in tasks] == [None] * 10


async def test_whoever_comes_again_when_told_to_is_held_and_served() -> None:
    """Come a little early: who comes with the reset finds a flood before it."""
    scene = Scene(remaining=1)
    await scene.learn()
    with pytest.raises(RateLimited) as refused:
        await scene.send(scene.exchange())
    await scene.clock.advance(-(-(refused.value.retry_after or 0.0) // 1))

    task = scene.start("again")
    await settle()
    scene.upstream.next_window()
    await scene.clock.advance(2.0)

    assert scene.upstream.asked == ["again"]
    await task


async def test_a_caller_with_little_time_is_told_to_come_when_it_can_still_wait() -> (
    None
):
    """Told to come two seconds early, it would be refused for its own deadline."""
    scene = Scene(remaining=1)
    await scene.learn()

    with pytest.raises(RateLimited) as refused:
        await scene.send(scene.exchange(deadline=scene.clock.now() + 0.8))

    assert refused.value.retry_after == pytest.approx(10.25 - 0.45)


async def test_nobody_is_told_more_than_an_hour() -> None:
    """A reset a year ahead is a mistake, and one attempt a minute finds out."""
    scene = Scene(remaining=1)
    scene.upstream.window += 86400 * 365
    await scene.learn()

    told = []
    for _ in range(50):
        with pytest.raises(RateLimited) as refused:
            await scene.send(scene.exchange())
        told.append(refused.value.retry_after or 0.0)
    await scene.clock.advance(60.0)
    scene.upstream.remaining, scene.upstream.window = 20, 1_790_000_120
    await scene.send(scene.exchange("look"))
    await scene.send(scene.exchange("next"))

    assert max(told) <= 60.0
    assert scene.upstream.asked == ["look", "next"]
