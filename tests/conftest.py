"""What tests share: an upstream, a gateway in front of it, logging put back."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from tests.inprocess import Stack, running_stack
from tests.upstreams import ScriptedUpstream, running_upstream


@pytest.fixture(autouse=True)
def _quiet_after() -> Iterator[None]:
    """Put logging back: a command run in this process would silence later tests."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def module_upstream() -> Iterator[ScriptedUpstream]:
    with running_upstream() as running:
        yield running


@pytest.fixture
def upstream(module_upstream: ScriptedUpstream) -> ScriptedUpstream:
    """Return the module's upstream, without script or record."""
    module_upstream.reset()
    return module_upstream


@pytest.fixture
async def stack(upstream: ScriptedUpstream) -> AsyncIterator[Stack]:
    """Yield a gateway in this process, in front of the upstream."""
    async with running_stack(upstream.base_url) as running:
        yield running
