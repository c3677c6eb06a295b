"""IdempotencyStage: what stays open stays protected; a copy is a whole copy."""

import pytest
from aiohttp import web

from gateway.core.clock import instant
from gateway.core.errors import (
    GatewayError,
    IdempotencyExpired,
    IdempotencyKeyReused,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
)
from gateway.core.exchange import Exchange
from tests.idempotency.scene import Answerer, Scene, call, failing, settle


def answering(status: int, *, unknown_sends: int = 0) -> Answerer:
    async def answer(exchange: Exchange) -> web.StreamResponse:
        exchange.history.sends += 1
        exchange.history.unknown_sends += unknown_sends
        return web.Response(status=status)

    return answer


async def in_doubt() -> Scene:
    """Return a scene where nobody knows what became of order-1."""
    scene = Scene(failing(OutcomeUnknown("lost"), sends=1))
    with pytest.raises(OutcomeUnknown):
        await scene.send(call())
    return scene


def outcome(scene: Scene) -> str | None:
    record = scene.records.get("order-1", now=instant(scene.clock))
    return None if record is None else record.outcome


@pytest.mark.parametrize(
    ("error", "sends"),
    [
        pytest.param(Overloaded("full"), 0, id="never-sent"),
        pytest.param(RateLimited("spent"), 1, id="sent-and-refused"),
    ],
)
async def test_a_repeat_that_fails_does_not_end_the_doubt(
    error: GatewayError, sends: int
) -> None:
    """A full store may drop what is answered, but never a loan that may exist."""
    scene = await in_doubt()
    scene.answerer = failing(error, sends=sends)

    with pytest.raises(type(error)):
        await scene.send(call())

    assert outcome(scene) == "unknown"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(201, "answered", id="success"),
        pytest.param(401, "unknown", id="refused-at-the-door"),
        pytest.param(503, "unknown", id="failed"),
    ],
)
async def test_only_a_success_ends_the_doubt(status: int, expected: str) -> None:
    """A refusal speaks of the repeat, not of the request before it."""
    scene = await in_doubt()
    scene.answerer = answering(status)

    await scene.send(call())

    assert outcome(scene) == expected


async def test_a_failure_behind_a_lost_attempt_leaves_the_doubt() -> None:
    """The attempt before it may have made the loan."""
    scene = Scene(answering(500, unknown_sends=1))

    await scene.send(call())

    assert outcome(scene) == "unknown"


async def test_a_plain_refusal_is_an_answer() -> None:
    """Nothing took effect, so nothing needs protection."""
    scene = Scene(answering(422))

    await scene.send(call())

    assert outcome(scene) == "answered"


async def test_a_repeat_does_not_make_a_record_live_longer() -> None:
    """The days are counted from the first request, as Dinie does."""
    scene = Scene()
    await scene.send(call())
    scene.clock.advance(80_000.0)
    await scene.send(call(deadline=90_000.0))

    scene.clock.advance(6_400.0)
    with pytest.raises(IdempotencyExpired):
        await scene.send(call(deadline=90_000.0))
    scene.clock.advance(604_800.0 - 86_400.0)

    assert outcome(scene) is None


async def test_a_suspended_machine_does_not_use_a_key_again() -> None:
    """Dinie counted on and forgot the key: sent again, it is a second loan."""
    scene = Scene()
    await scene.send(call())
    scene.clock.suspend(25 * 3600.0)

    with pytest.raises(IdempotencyExpired):
        await scene.send(call())

    assert len(scene.calls) == 1


async def test_an_unsent_repeat_leaves_the_record_as_it_was() -> None:
    """The key still belongs to the request that was answered."""
    scene = Scene()
    await scene.send(call())
    scene.answerer = failing(Overloaded("full"), sends=0)
    with pytest.raises(Overloaded):
        await scene.send(call())

    with pytest.raises(IdempotencyKeyReused):
        await scene.send(call(body=b"other"))

    assert outcome(scene) == "answered"


async def test_a_copy_has_no_type_where_dinie_s_answer_has_none() -> None:
    """Both callers read the same head; the boundary learns it from the exchange."""

    async def untyped(exchange: Exchange) -> web.StreamResponse:
        exchange.history.sends += 1
        exchange.history.untyped = True
        exchange.history.retry_after = 7.0
        return web.Response(status=429, body=b"later")

    scene = Scene(untyped)
    scene.gate.clear()
    following = call()
    both = [scene.start(call()), scene.start(following)]
    await settle()

    scene.gate.set()
    for task in both:
        await task

    assert len(scene.calls) == 1
    assert following.history.untyped
    assert following.history.retry_after == 7.0
