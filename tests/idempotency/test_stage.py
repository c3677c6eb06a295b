"""IdempotencyStage: one key for each POST, one request at a time for each key."""

import asyncio

import pytest
from aiohttp import web

from gateway.core.clock import instant
from gateway.core.errors import (
    IdempotencyExpired,
    IdempotencyKeyReused,
    OutcomeUnknown,
    Overloaded,
    UpstreamAuthFailed,
)
from gateway.core.exchange import Exchange
from tests.idempotency.scene import Scene, call, failing, settle


async def test_a_follower_gets_a_copy_of_the_leader_s_answer() -> None:
    """Two clicks on one button are one loan, and both see it."""
    scene = Scene()
    scene.gate.clear()
    leader, follower = scene.start(call()), scene.start(call())
    await settle()

    scene.gate.set()
    first = await leader
    first.headers["X-Gateway-Request-Id"] = "the leader's own"
    second = await follower

    assert len(scene.calls) == 1
    assert isinstance(second, web.Response)
    assert (second.status, second.reason, second.body) == (201, "Made", b'{"a":1}')
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.headers["X-Loan"] == "ln_1"
    assert "X-Gateway-Request-Id" not in second.headers


@pytest.mark.parametrize(
    "waiting", [pytest.param(True, id="in-flight"), pytest.param(False, id="after")]
)
async def test_a_key_of_another_request_is_refused(waiting: bool) -> None:
    """The caller's slip is said at once, and Dinie is not asked."""
    scene = Scene()
    if waiting:
        scene.gate.clear()
    leader = scene.start(call())
    await settle()

    with pytest.raises(IdempotencyKeyReused):
        await scene.send(call(body=b'{"other":1}'))

    scene.gate.set()
    assert (await leader).status == 201
    assert len(scene.calls) == 1


async def test_a_repeat_after_the_answer_goes_to_dinie() -> None:
    """No body is kept here; Dinie replays its own answer."""
    scene = Scene()

    await scene.send(call())
    await scene.send(call())

    assert len(scene.calls) == 2


async def test_a_follower_takes_over_from_a_leader_that_sent_nothing() -> None:
    """One caller's full queue is no reason to fail another's call."""

    async def refuse_the_first(exchange: Exchange) -> web.StreamResponse:
        if exchange is scene.calls[0]:
            raise Overloaded("full")
        return await scene.created(exchange)

    scene = Scene(refuse_the_first)
    scene.gate.clear()
    leader, follower = scene.start(call()), scene.start(call())
    await settle()

    scene.gate.set()

    with pytest.raises(Overloaded):
        await leader
    assert (await follower).status == 201
    assert len(scene.calls) == 2


async def test_a_key_whose_request_was_never_sent_is_free_again() -> None:
    """The caller may mend the body and keep the key."""
    scene = Scene(failing(Overloaded("full"), sends=0))
    with pytest.raises(Overloaded):
        await scene.send(call())
    scene.answerer = scene.created

    answer = await scene.send(call(body=b'{"mended":1}'))

    assert answer.status == 201


async def test_a_leader_s_problem_is_the_follower_s_too() -> None:
    """Nobody sends again what failed after it was sent."""
    scene = Scene(failing(UpstreamAuthFailed("no", retry_after=60.0), sends=1))
    scene.gate.clear()
    leader, follower = scene.start(call()), scene.start(call())
    await settle()

    scene.gate.set()
    outcomes = await asyncio.gather(leader, follower, return_exceptions=True)

    assert isinstance(second := outcomes[1], UpstreamAuthFailed)
    assert second is not outcomes[0]
    assert (second.detail, second.retry_after) == ("no", 60.0)
    assert len(scene.calls) == 1


async def test_behind_a_streamed_answer_the_follower_asks_itself() -> None:
    """A stream cannot be copied; Dinie replays it under the same key."""

    async def streamed(exchange: Exchange) -> web.StreamResponse:
        exchange.history.sends += 1
        return web.StreamResponse(status=200)

    scene = Scene(streamed)
    scene.gate.clear()
    both = [scene.start(call()), scene.start(call())]
    await settle()

    scene.gate.set()
    await asyncio.gather(*both)

    assert len(scene.calls) == 2


@pytest.mark.parametrize("sends", [0, 1])
async def test_a_cancelled_leader_leaves_no_follower_hanging(sends: int) -> None:
    """A follower goes on by itself, whatever became of the first caller."""
    scene = Scene()
    scene.gate.clear()
    leading = call()
    leader, follower = scene.start(leading), scene.start(call())
    await settle()
    leading.history.sends = sends

    leader.cancel()
    await settle()
    scene.gate.set()

    answer = await asyncio.wait_for(follower, 1.0)
    assert leader.cancelled()
    assert (answer.status, len(scene.calls)) == (201, 2)


async def test_a_follower_waits_no_longer_than_its_deadline() -> None:
    """It learns that the outcome is open, and which key finds it out."""
    scene = Scene()
    scene.gate.clear()
    leader = scene.start(call())
    await settle()

    with pytest.raises(OutcomeUnknown) as unknown:
        await scene.send(call(deadline=1000.02))

    scene.gate.set()
    assert (await leader).status == 201
    assert "Idempotency-Key: order-1" in unknown.value.detail
    assert unknown.value.retry_after == 1.0


async def test_an_open_outcome_keeps_the_key_taken() -> None:
    """Another body under it could be a second loan."""
    scene = Scene(failing(OutcomeUnknown("lost"), sends=1))
    with pytest.raises(OutcomeUnknown):
        await scene.send(call())

    with pytest.raises(IdempotencyKeyReused):
        await scene.send(call(body=b"other"))

    record = scene.records.get("order-1", now=instant(scene.clock))
    assert record is not None and record.outcome == "unknown"  # noqa: PT018 - one fact


async def test_a_generated_key_is_known_after_an_open_outcome() -> None:
    """The problem names the key, so its repeat must be checked like any other."""
    scene = Scene(failing(OutcomeUnknown("lost"), sends=1))
    exchange = call(None)
    with pytest.raises(OutcomeUnknown):
        await scene.send(exchange)
    assert exchange.key is not None

    with pytest.raises(IdempotencyKeyReused):
        await scene.send(call(exchange.key, body=b"other"))

    assert exchange.key_generated
    assert exchange.key.startswith("gw-retry-")


async def test_a_generated_key_leaves_no_record_otherwise() -> None:
    """Most traffic brings no key: it must not fill the store."""
    scene = Scene()

    await scene.send(call(None))
    await scene.send(call(None))

    assert len(scene.records) == 0
    assert scene.calls[0].key != scene.calls[1].key


async def test_a_caller_s_key_is_echoed_as_it_is_and_sent_under_its_namespace() -> None:
    """The caller knows its own key, Dinie one that nobody else uses."""
    scene = Scene()
    exchange = call()

    await scene.send(exchange)

    found = (exchange.key, exchange.upstream_key, exchange.key_generated)
    assert found == ("order-1", "shop:order-1", False)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param("order-1", ("order-1", "shop:order-1"), id="given"),
        pytest.param(None, (None, None), id="none"),
    ],
)
async def test_a_method_other_than_post_gets_no_key_of_ours(
    key: str | None, expected: tuple[str | None, str | None]
) -> None:
    """GET and PATCH need none; a caller's own goes on."""
    scene = Scene()
    exchange = call(key, method="PATCH")

    await scene.send(exchange)

    assert (exchange.key, exchange.upstream_key) == expected
    assert len(scene.records) == 0


@pytest.mark.parametrize(
    ("age", "expired", "sent"),
    [
        (80_000, "refuse", True),
        (86_399, "refuse", False),
        (500_000, "refuse", False),
        (604_801, "refuse", True),
        (90_000, "send", True),
    ],
)
async def test_a_key_that_dinie_has_forgotten_is_not_sent_again(
    age: float, expired: str, *, sent: bool
) -> None:
    """It would be a second loan."""
    scene = Scene(expired=expired)
    await scene.send(call())
    scene.clock.advance(age)

    again = scene.send(call(deadline=scene.clock.now() + 25))
    if sent:
        await again
    else:
        with pytest.raises(IdempotencyExpired, match="over a day ago"):
            await again

    assert len(scene.calls) == 1 + sent
