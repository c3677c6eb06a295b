"""One live gateway for every example."""

from collections.abc import Iterator

import pytest

from tests.gateway_process import Live, running_live


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running_live(tmp_path_factory.mktemp("property")) as running:
        yield running
