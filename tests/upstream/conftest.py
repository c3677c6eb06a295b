"""A scripted upstream and a client of it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.upstream.client import SWIFT, Client
from tests.upstreams import ScriptedUpstream, running_upstream


@pytest.fixture(scope="module")
def shared() -> Iterator[ScriptedUpstream]:
    with running_upstream() as upstream:
        yield upstream


@pytest.fixture
def upstream(shared: ScriptedUpstream) -> ScriptedUpstream:
    shared.reset()
    return shared


@pytest.fixture
async def client(upstream: ScriptedUpstream) -> AsyncIterator[Client]:
    made = Client(upstream.base_url, SWIFT)
    yield made
    await made.close()
