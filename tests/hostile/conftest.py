"""One live gateway for the whole table: an attack must not outlive its row."""

from collections.abc import Iterator

import pytest

from tests.gateway_process import Live, running_live


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running_live(tmp_path_factory.mktemp("hostile")) as running:
        yield running
