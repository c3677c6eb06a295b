"""A scripted upstream and a client of it."""

from collections.abc import AsyncIterator

import pytest

from tests.upstream.client import SWIFT, Client
from tests.upstreams import ScriptedUpstream


@pytest.fixture
async def client(upstream: ScriptedUpstream) -> AsyncIterator[Client]:
    made = Client(upstream.base_url, SWIFT)
    yield made
    await made.close()
