"""Processes that the promises are tested on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.gateway_process import GatewayProcess, Live, running_live
from tests.upstreams import ScriptedUpstream, running_upstream


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running_live(tmp_path_factory.mktemp("e2e")) as running:
        yield running


@pytest.fixture
def live(shared: Live) -> Live:
    """Return the shared gateway, its upstream's record empty."""
    shared.reset()
    return shared


Start = Callable[..., GatewayProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return what starts a gateway that the test ends itself."""
    begun: list[GatewayProcess] = []

    def begin(base_url: str, *, ready: bool = True, **settings: str) -> GatewayProcess:
        folder = tmp_path / str(len(begun))
        gateway = GatewayProcess(base_url, folder, settings)
        begun.append(gateway)
        gateway.wait_ready(ready=ready)
        return gateway

    yield begin
    for gateway in begun:
        if gateway.alive:
            gateway.process.kill()
            gateway.process.wait()


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with running_upstream() as running:
        yield running
