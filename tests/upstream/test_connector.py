"""DinieConnector: what a wait for a connection was a wait for."""

import asyncio

import pytest

from gateway.core.attempt import AttemptFailed
from gateway.deadline.options import DeadlineOptions
from tests.fakes import FakeClock
from tests.talking import talking
from tests.upstream.client import Client
from tests.upstreams import ScriptedUpstream, Step

OPTIONS = DeadlineOptions(attempt=50.0, connect=0.05, first_byte=50.0)


async def test_a_pool_that_is_used_up_says_nothing_of_the_upstream(
    upstream: ScriptedUpstream,
) -> None:
    """Callers that read slowly hold connections; that opens nobody's circuit."""
    upstream.default = Step(held=True)
    client = Client(upstream.base_url, OPTIONS, pool_size=1)
    first = asyncio.ensure_future(client.send(client.exchange()))
    await asyncio.to_thread(upstream.wait_for, 1)

    with pytest.raises(AttemptFailed, match="no connection to Dinie came free") as told:
        await client.send(client.exchange())

    upstream.release()
    await first
    await client.close()
    assert (told.value.outcome, told.value.of_upstream) == ("not_sent", False)


@pytest.mark.parametrize(("stopped", "of_upstream"), [(0.0, True), (12.0, False)])
async def test_a_connection_that_takes_too_long_to_make_is_the_upstream_s(
    stopped: float, *, of_upstream: bool
) -> None:
    """The circuit is for exactly that; not for a process that was stopped meanwhile."""
    accepted, ended = asyncio.Event(), asyncio.Event()

    async def never(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        await ended.wait()
        writer.close()

    clock = FakeClock()

    async with talking(never) as base_url:
        client = Client(base_url.replace("http", "https", 1), OPTIONS, clock)
        sending = asyncio.ensure_future(client.send(client.exchange(deadline=1060.0)))
        await accepted.wait()

        clock.advance(stopped)

        with pytest.raises(AttemptFailed, match="connecting") as told:
            await sending
        ended.set()
        await client.close()

    assert (told.value.outcome, told.value.of_upstream) == ("not_sent", of_upstream)
