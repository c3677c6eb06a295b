"""BulkheadStage: an attempt holds a slot while it lasts."""

import asyncio
from typing import Any

import pytest

from gateway.admission.bulkhead import BulkheadStage
from gateway.core.errors import Overloaded
from gateway.core.exchange import Exchange
from gateway.core.upstream_response import UpstreamResponse
from tests.exchanges import new_exchange
from tests.fakes import FakeClock


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Dinie:
    """Answers when told to, whole or as a stream."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.inside = 0
        self.streams = False
        self.fault: BaseException | None = None

    async def __call__(self, _: Exchange) -> UpstreamResponse:
        self.inside += 1
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return UpstreamResponse(200, {}, None if self.streams else b"")


def exchange(**fields: Any) -> Exchange:
    return new_exchange("r", "GET", "/", 1000.0, **{"deadline": 1025.0, **fields})


def staged(in_flight: int = 1) -> BulkheadStage:
    return BulkheadStage(in_flight, clock=FakeClock().now, wait=0.01)


async def test_a_slot_is_held_while_the_attempt_lasts() -> None:
    """So many are with Dinie at once, and no more."""
    stage, dinie = staged(in_flight=2), Dinie()
    dinie.gate.clear()
    tasks = [asyncio.create_task(stage(one, dinie)) for one in (exchange(), exchange())]
    await settle()
    during = stage.in_flight

    dinie.gate.set()
    await asyncio.gather(*tasks)

    assert (during, stage.in_flight) == (2, 0)


async def test_no_slot_in_time_is_overloaded_and_unsent() -> None:
    """A caller that waits too long had better know."""
    stage, dinie = staged(), Dinie()
    dinie.gate.clear()
    first = exchange()
    task = asyncio.create_task(stage(first, dinie))
    await settle()
    second = exchange()

    with pytest.raises(Overloaded) as raised:
        await stage(second, dinie)

    dinie.gate.set()
    await task
    assert (raised.value.retry_after, dinie.inside, stage.in_flight) == (1.0, 1, 0)


async def test_a_queued_attempt_goes_when_a_slot_comes_free() -> None:
    """A moment's patience is cheaper than an error."""
    stage, dinie = BulkheadStage(1, clock=FakeClock().now, wait=5.0), Dinie()
    dinie.gate.clear()
    both = [exchange(), exchange()]
    tasks = [asyncio.create_task(stage(one, dinie)) for one in both]
    await settle()
    before = dinie.inside

    dinie.gate.set()
    await asyncio.gather(*tasks)

    assert (before, dinie.inside, stage.in_flight) == (1, 2, 0)


async def test_uploads_do_not_stand_in_the_ordinary_queue() -> None:
    """Eight slow uploads must not stop every balance look-up."""
    stage, dinie = staged(), Dinie()
    dinie.gate.clear()
    every = [exchange(), *(exchange(upload=True) for _ in range(8))]

    tasks = [asyncio.create_task(stage(one, dinie)) for one in every]
    await settle()

    assert (dinie.inside, stage.in_flight) == (9, 9)
    dinie.gate.set()
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("fault", [OSError("gone"), asyncio.CancelledError()])
async def test_a_failed_attempt_gives_its_slot_back(fault: BaseException) -> None:
    """Failures come in crowds; each must leave the room."""
    stage, dinie = staged(), Dinie()
    dinie.fault = fault
    failing = exchange()

    with pytest.raises(type(fault)):
        await stage(failing, dinie)

    assert stage.in_flight == 0


async def test_a_stream_holds_its_slot_to_its_end() -> None:
    """A large download is with Dinie for as long as it lasts."""
    stage, dinie = staged(), Dinie()
    dinie.streams = True
    streaming = exchange()
    response = await stage(streaming, dinie)
    during = stage.in_flight

    response.end()
    response.end()

    assert (during, stage.in_flight) == (1, 0)


async def test_a_quick_refusal_teaches_nothing_of_the_work() -> None:
    """A 429 takes 2 ms, and loans that take 200 ms are no queue beside it."""
    clock = FakeClock()
    stage = BulkheadStage(64, clock=clock.now, adaptive=True)

    async def send(status: int, seconds: float) -> None:
        async def handler(_: Exchange) -> UpstreamResponse:
            clock.advance(seconds)
            return UpstreamResponse(status, {})

        await stage(exchange(), handler)

    for _ in range(100):
        await send(429, 0.002)
        await send(200, 0.2)

    assert stage.ordinary.size == 64
