"""TransportStage: whose time-out is it, the upstream's or the caller's?"""

import asyncio
from typing import Any

import pytest

from gateway.core.attempt import AttemptFailed
from gateway.deadline.options import DeadlineOptions
from tests.fakes import FakeClock
from tests.talking import talking
from tests.upstream.client import Client
from tests.upstreams import ScriptedUpstream, Step, answer

USUAL = DeadlineOptions()
SHORT = DeadlineOptions(total=2.0)  # the operator's own choice
HANG = Step(held=True)
STALL = Step(answer(200, b"abc"), held=True, sent_first=len(answer(200, b"abc")) - 1)


@pytest.mark.parametrize(
    ("options", "step", "fields", "after", "expected"),
    [
        pytest.param(
            USUAL, HANG, {"deadline": 1001.1}, 1.2, ("deadline", False), id="hurried"
        ),
        pytest.param(
            USUAL, HANG, {"deadline": 1009.9}, 9.95, ("deadline", False), id="just-so"
        ),
        pytest.param(
            USUAL, HANG, {"deadline": 1025.0}, 10.1, ("timeout", True), id="no-head"
        ),
        pytest.param(
            USUAL, STALL, {"deadline": 1012.0}, 12.1, ("deadline", False), id="body"
        ),
        pytest.param(
            USUAL, STALL, {"deadline": 1025.0}, 15.1, ("timeout", True), id="no-body"
        ),
        pytest.param(
            SHORT, HANG, {"deadline": 1002.0}, 2.1, ("timeout", True), id="short-total"
        ),
        pytest.param(
            SHORT, HANG, {"deadline": 1001.1}, 1.2, ("deadline", False), id="shorter"
        ),
        pytest.param(
            USUAL,
            HANG,
            {"deadline": 1020.0, "upload": True},
            20.1,
            ("deadline", False),
            id="hurried-upload",
        ),
        pytest.param(
            USUAL,
            HANG,
            {"deadline": 1055.0, "upload": True},
            55.1,
            ("timeout", True),
            id="upload",
        ),
    ],
)
async def test_a_time_out_before_the_gateway_s_own_limits_is_the_caller_s(
    upstream: ScriptedUpstream,
    options: DeadlineOptions,
    step: Step,
    *,
    fields: dict[str, Any],
    after: float,
    expected: tuple[str, bool],
) -> None:
    """Taken for the upstream's, it would open the circuit for everybody."""
    clock = FakeClock()
    client = Client(upstream.base_url, options, clock)
    upstream.default = step
    sending = asyncio.ensure_future(client.send(client.exchange(**fields)))
    await asyncio.to_thread(upstream.wait_for, 1)
    await asyncio.sleep(0.05)  # for the part of a response that comes

    clock.advance(after)

    with pytest.raises(AttemptFailed) as raised:
        await asyncio.wait_for(sending, 10.0)
    upstream.release()
    await client.close()
    assert (client.outcomes, raised.value.of_upstream) == ([expected[0]], expected[1])
    assert raised.value.outcome == "timeout"


async def test_a_caller_that_gives_up_while_connecting_refused_nothing() -> None:
    """Five refused connections in a row open the circuit; these were not refused."""
    clock = FakeClock()
    begun, ended = asyncio.Event(), asyncio.Event()

    async def never(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.set()
        await ended.wait()
        writer.close()

    async with talking(never) as base_url:
        client = Client(base_url.replace("http", "https", 1), USUAL, clock)
        exchange = client.exchange(deadline=clock.now() + 0.05)
        sending = asyncio.ensure_future(client.send(exchange))
        await begun.wait()

        clock.advance(0.1)

        with pytest.raises(AttemptFailed) as raised:
            await asyncio.wait_for(sending, 10.0)
        ended.set()
        await client.close()
    assert (raised.value.outcome, raised.value.of_upstream) == ("not_sent", False)
    assert (exchange.history.sends, exchange.history.out_of_time) == (0, True)
