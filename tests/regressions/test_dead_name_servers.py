"""Names that take long to fail stopped every other name, Dinie's included."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.inbox.options import SubscriberOptions
from gateway.inbox.policy import AttemptResult
from gateway.subscribers.client import HttpSubscriberClient
from gateway.upstream.resolver import Resolver
from tests.deadnames import DeadNames
from tests.upstream.client import SWIFT, Client
from tests.upstreams import ScriptedUpstream

HEADERS = [("webhook-id", "evt_1")]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[DeadNames]:
    made = DeadNames(monkeypatch)
    yield made
    made.go.set()


def to(host: str, upstream: ScriptedUpstream) -> SubscriberOptions:
    port = upstream.base_url.rpartition(":")[2].partition("/")[0]
    return SubscriberOptions(name="a", url=f"http://{host}:{port}/hook", events=("*",))


async def test_dead_subscribers_stop_neither_the_healthy_one_nor_dinie(
    upstream: ScriptedUpstream, names: DeadNames
) -> None:
    """A few names that fail slowly held all threads that names are looked up on."""
    client = HttpSubscriberClient(resolver=Resolver(), clock=lambda: 0.0)
    port = to("x", upstream).url.rpartition(":")[2].partition("/")[0]
    dinie = Client(f"http://dinie.test:{port}", replace(SWIFT, connect=1.0))
    dead = [
        asyncio.ensure_future(
            client.send(to(f"dead-{number}.test", upstream), HEADERS, b"x")
        )
        for number in range(40)  # more than there are threads of the loop
    ]
    await asyncio.sleep(0)

    healthy = await client.send(to("healthy.test", upstream), HEADERS, b"x")
    relayed = await dinie.send(dinie.exchange())

    assert healthy == AttemptResult(200)
    assert relayed.status == 200
    names.go.set()
    assert set(await asyncio.gather(*dead)) == {AttemptResult(None, error="name")}
    await client.close()
    await dinie.close()
