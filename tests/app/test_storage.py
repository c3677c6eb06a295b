"""The database that the gateway and its commands open."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.app.storage import host_name, open_database
from gateway.config.schema import Storage
from gateway.storage.database.database import DatabaseUnavailable
from tests.fakes import FakeClock


async def test_a_damaged_file_is_moved_under_a_dated_name(tmp_path: Path) -> None:
    """An operator finds it, and knows when it happened."""
    path = tmp_path / "gateway.db"
    path.write_bytes(b"no database at all" * 100)
    moved: list[str] = []
    clock = FakeClock()
    database = open_database(
        Storage(sqlite_path=str(path)), clock, on_quarantine=moved.append
    )

    with suppress(DatabaseUnavailable):
        await database.probe(0)

    await database.close()

    (name,) = moved
    assert path.name in name
    assert name != path.name


def test_the_host_has_the_same_name_after_a_restart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Leases of before the restart are known as its own by this name."""
    named = host_name()
    monkeypatch.setenv("HOSTNAME", "pod-1")

    assert host_name() == "pod-1"
    monkeypatch.delenv("HOSTNAME")
    assert host_name() == os.uname().nodename
    assert named
