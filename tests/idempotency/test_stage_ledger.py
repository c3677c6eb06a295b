"""IdempotencyStage: what is written down of a POST, and when."""

import asyncio

import pytest
from aiohttp import web

from gateway.core.clock import Instant
from gateway.core.errors import (
    GatewayError,
    IdempotencyExpired,
    IdempotencyKeyReused,
    OutcomeUnknown,
    Overloaded,
)
from gateway.core.exchange import Exchange
from gateway.idempotency.fingerprint import fingerprint_of
from gateway.idempotency.ports import Intent, Record
from tests.idempotency.scene import Answerer, Scene, call, failing


class Written:
    """What the ledger was told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.intents: list[Intent] = []
        self.known: dict[str, Record] = {}
        self.ready = asyncio.Event()
        self.ready.set()

    async def begin(self, intent: Intent) -> None:
        await self.ready.wait()
        self.intents.append(intent)
        self.told.append(("begin", ""))

    def end(self, intent: Intent, outcome: str, *, status: int) -> None:
        assert intent.key
        self.told.append(("end", f"{outcome} {status} {len(intent.fingerprint)}"))

    def forget(self, key: str) -> None:
        assert key
        self.told.append(("forget", ""))

    async def recall(self, key: str) -> Record | None:
        return self.known.get(key)


async def broken(exchange: Exchange) -> web.StreamResponse:
    exchange.history.sends += 1
    raise LookupError


def doubtful(status: int) -> Answerer:
    async def answer(exchange: Exchange) -> web.StreamResponse:
        exchange.history.sends += 2
        exchange.history.unknown_sends += 1
        return web.Response(status=status)

    return answer


def lost_and(error: GatewayError) -> Answerer:
    async def answer(exchange: Exchange) -> web.StreamResponse:
        exchange.history.sends += 1
        exchange.history.unknown_sends += 1
        raise error

    return answer


@pytest.mark.parametrize("key", ["k", None], ids=["keyed", "generated"])
async def test_what_was_not_begun_to_be_written_is_not_in_the_ledger(
    key: str | None,
) -> None:
    """After a kill everything in it is unknown, and somebody must look at each."""
    written = Written()
    scene = Scene(ledger=written)
    scene.writes = False
    scene.gate.clear()
    waiting = scene.start(call(key))
    await asyncio.sleep(0.01)
    before = len(scene.calls), list(written.told)
    scene.answerer = failing(Overloaded("x"), sends=0)
    scene.gate.set()
    await asyncio.wait([waiting])

    assert before == (1, [])
    assert written.told == []


@pytest.mark.parametrize(
    ("key", "answerer", "told"),
    [
        pytest.param(
            "k", None, [("begin", ""), ("end", "answered 201 32")], id="keyed"
        ),
        pytest.param(None, None, [("begin", ""), ("forget", "")], id="generated"),
        pytest.param(
            "k",
            failing(OutcomeUnknown("x"), sends=1),
            [("begin", ""), ("end", "unknown 0 32")],
            id="keyed-unknown",
        ),
        pytest.param(
            None,
            failing(OutcomeUnknown("x"), sends=1),
            [("begin", ""), ("end", "unknown 0 32")],
            id="generated-unknown",
        ),
        pytest.param(
            "k",
            failing(Overloaded("x"), sends=0),
            [("begin", ""), ("forget", "")],
            id="keyed-begun-and-not-sent",
        ),
        pytest.param(
            None,
            failing(Overloaded("x"), sends=0),
            [("begin", ""), ("forget", "")],
            id="generated-begun-and-not-sent",
        ),
        pytest.param(
            None,
            doubtful(503),
            [("begin", ""), ("end", "unknown 0 32")],
            id="generated-failed-after-a-lost-send",
        ),
        pytest.param(
            None,
            doubtful(429),
            [("begin", ""), ("end", "unknown 0 32")],
            id="generated-refused-after-a-lost-send",
        ),
        pytest.param(
            None,
            doubtful(409),  # the offer is taken already: by whom?
            [("begin", ""), ("end", "unknown 0 32")],
            id="generated-in-conflict-after-a-lost-send",
        ),
        pytest.param(
            None,
            doubtful(201),
            [("begin", ""), ("forget", "")],
            id="generated-answered-after-a-lost-send",
        ),
        pytest.param(
            None,
            lost_and(Overloaded("x")),
            [("begin", ""), ("end", "unknown 0 32")],
            id="generated-refused-here-after-a-lost-send",
        ),
        pytest.param(
            None, broken, [("begin", ""), ("end", "unknown 0 32")], id="our-fault"
        ),
    ],
)
async def test_what_is_written_down(
    key: str | None, answerer: object, told: list[tuple[str, str]]
) -> None:
    """An outcome for each intent; nothing is left under way."""
    written = Written()
    scene = Scene(answerer, ledger=written)  # type: ignore[arg-type]

    await asyncio.wait([scene.start(call(key))])

    assert written.told == told
    (intent,) = written.intents
    assert intent.generated is (key is None)
    assert len(intent.fingerprint) == 32


async def test_a_call_that_is_cut_off_leaves_its_intent_unknown() -> None:
    """The process ends with a send under way."""
    written = Written()

    async def hang(exchange: Exchange) -> web.StreamResponse:
        exchange.history.sends += 1
        return await asyncio.Event().wait()  # type: ignore[return-value]

    for key in ("k", None):
        scene = Scene(hang, ledger=written)
        task = scene.start(call(key))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    assert [one for one in written.told if one[0] == "end"] == [
        ("end", "unknown 0 32"),
        ("end", "unknown 0 32"),
    ]


def ago(scene: Scene, age: float) -> Instant:
    return Instant(scene.clock.now() - age, scene.clock.unix() - age)


def known(
    scene: Scene, *, age: float, fingerprint: bytes, upstream: str = ""
) -> Record:
    return Record(fingerprint, ago(scene, age), "unknown", upstream)


async def test_a_key_that_memory_forgot_is_looked_up() -> None:
    """A day later it would be a second loan, and another body's never."""
    written = Written()
    scene = Scene(ledger=written)
    print_ = await fingerprint_of(call("order-1"))
    written.known["order-1"] = known(scene, age=90_000.0, fingerprint=print_)
    written.known["order-2"] = known(scene, age=60.0, fingerprint=b"another")

    with pytest.raises(IdempotencyExpired):
        await scene.send(call("order-1"))
    with pytest.raises(IdempotencyKeyReused):
        await scene.send(call("order-2"))
    await scene.send(call("order-3"))

    assert len(scene.calls) == 1


async def test_nothing_is_looked_up_where_memory_holds_it_all() -> None:
    """A look at a file for each POST would cost more than the rest."""
    written = Written()
    scene = Scene(ledger=written)
    written.known["order-1"] = known(scene, age=90_000.0, fingerprint=b"")
    scene.records.whole = True

    await scene.send(call("order-1"))

    assert len(scene.calls) == 1


async def test_a_repeat_goes_upstream_under_the_key_of_before() -> None:
    """The namespace was changed since: another key would be a second loan."""
    written = Written()
    scene = Scene(ledger=written)
    first = call("order-1")
    written.known["order-1"] = known(
        scene,
        age=60.0,
        fingerprint=await fingerprint_of(first),
        upstream="market:order-1",
    )

    await scene.send(first)
    await scene.send(call("order-1"))
    await scene.send(call("order-2"))

    keys = [exchange.upstream_key for exchange in scene.calls]
    assert keys == ["market:order-1", "market:order-1", "shop:order-2"]
    assert [one.upstream_key for one in written.intents] == keys


async def test_two_that_look_up_together_are_one_request() -> None:
    """Whoever was quicker has begun with it meanwhile."""
    written = Written()
    scene = Scene(ledger=written)
    print_ = await fingerprint_of(call())
    written.known["order-1"] = known(scene, age=60.0, fingerprint=print_)

    scene.gate.clear()
    both = [scene.start(call()), scene.start(call())]
    await asyncio.sleep(0.01)
    scene.gate.set()
    await asyncio.gather(*both)

    assert len(scene.calls) == 1


async def test_an_answer_too_long_to_share_is_not_asked_for_twice() -> None:
    """Where the effect cannot be repeated; else each follower asks for itself."""

    async def streamed(exchange: Exchange) -> web.StreamResponse:
        exchange.history.sends += 1
        return web.StreamResponse()

    for repeatable, sends in ((True, 2), (False, 1)):
        scene = Scene(streamed)
        scene.gate.clear()
        both = [scene.start(call(repeatable=repeatable)) for _ in range(2)]
        await asyncio.sleep(0.01)
        scene.gate.set()
        ended = await asyncio.gather(*both, return_exceptions=True)

        assert len(scene.calls) == sends
        assert isinstance(ended[1], OutcomeUnknown) is not repeatable


async def test_a_fault_of_ours_leaves_the_generated_key_known() -> None:
    """The caller is told to repeat with it: not after Dinie's day."""
    scene = Scene(broken)
    with pytest.raises(LookupError):
        await scene.send(call(None))
    (sent,) = scene.calls
    scene.clock.advance(90_000.0)

    with pytest.raises(IdempotencyExpired):
        await scene.send(call(sent.key, deadline=100_000.0))
