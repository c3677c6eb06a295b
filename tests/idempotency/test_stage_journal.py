"""IdempotencyStage: what is written down of a POST, and when."""

import asyncio

import pytest
from aiohttp import web

from gateway.errors import OutcomeUnknown, Overloaded
from gateway.idempotency.ports import Intent
from gateway.message import Exchange
from tests.idempotency.scene import Scene, call, failing


class Written:
    """What the journal was told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.intents: list[Intent] = []
        self.ready = asyncio.Event()
        self.ready.set()

    async def begin(self, intent: Intent) -> None:
        await self.ready.wait()
        self.intents.append(intent)
        self.told.append(("begin", ""))

    def end(
        self, key: str, outcome: str, *, status: int, fingerprint: bytes = b""
    ) -> None:
        assert key
        self.told.append(("end", f"{outcome} {status} {len(fingerprint)}"))

    def forget(self, key: str) -> None:
        assert key
        self.told.append(("forget", ""))


async def broken(exchange: Exchange) -> web.StreamResponse:
    exchange.sends += 1
    raise LookupError


async def test_nothing_is_sent_before_its_intent_is_on_disk() -> None:
    """Whoever is killed in between has it in the ledger."""
    written = Written()
    written.ready.clear()
    scene = Scene(journal=written)
    running = [scene.start(call()), scene.start(call(None))]
    await asyncio.sleep(0.01)
    before = len(scene.calls)
    written.ready.set()
    await asyncio.gather(*running)

    assert (before, len(scene.calls)) == (0, 2)


@pytest.mark.parametrize(
    ("key", "answerer", "told"),
    [
        pytest.param("k", None, [("begin", ""), ("end", "answered 201 0")], id="keyed"),
        pytest.param(None, None, [("begin", ""), ("forget", "")], id="minted"),
        pytest.param(
            "k",
            failing(OutcomeUnknown("x"), sends=1),
            [("begin", ""), ("end", "unknown 0 0")],
            id="keyed-unknown",
        ),
        pytest.param(
            None,
            failing(OutcomeUnknown("x"), sends=1),
            [("begin", ""), ("end", "unknown 0 32")],
            id="minted-unknown",
        ),
        pytest.param(
            "k",
            failing(Overloaded("x"), sends=0),
            [("begin", ""), ("forget", "")],
            id="keyed-never-sent",
        ),
        pytest.param(
            None,
            failing(Overloaded("x"), sends=0),
            [("begin", ""), ("forget", "")],
            id="minted-never-sent",
        ),
        pytest.param(
            None, broken, [("begin", ""), ("end", "unknown 0 0")], id="our-fault"
        ),
    ],
)
async def test_what_is_written_down(
    key: str | None, answerer: object, told: list[tuple[str, str]]
) -> None:
    """An outcome for each intent; nothing is left under way."""
    written = Written()
    scene = Scene(answerer, journal=written)  # type: ignore[arg-type]

    await asyncio.wait([scene.start(call(key))])

    assert written.told == told
    (intent,) = written.intents
    assert intent.minted is (key is None)
    assert len(intent.fingerprint) == (32 if key else 0)


async def test_a_call_that_is_cut_off_leaves_its_intent_unknown() -> None:
    """The process ends with a send under way."""
    written = Written()

    async def hang(exchange: Exchange) -> web.StreamResponse:
        exchange.sends += 1
        return await asyncio.Event().wait()  # type: ignore[return-value]

    for key in ("k", None):
        scene = Scene(hang, journal=written)
        task = scene.start(call(key))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    assert [one for one in written.told if one[0] == "end"] == [
        ("end", "unknown 0 0"),
        ("end", "unknown 0 0"),
    ]
