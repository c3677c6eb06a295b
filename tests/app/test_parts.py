"""The parts of a gateway: building them has no effect outside the process."""

import asyncio
from pathlib import Path

from gateway.app.parts import build_parts
from gateway.config.load import load
from gateway.telemetry.logging import configure
from tests.fakes import FakeClock


async def test_building_binds_reads_and_writes_nothing(tmp_path: Path) -> None:
    """A start that fails on a later step leaves no trace for the next one."""
    socket = tmp_path / "socket"
    config = load(
        "local",
        env={},
        overrides=(
            f"listen.proxy=unix:{socket}",
            "secrets.provider=env",
            f"storage.sqlite_path={tmp_path / 'gateway.db'}",
        ),
    ).config

    parts = build_parts(
        config,
        {"DINIE_CLIENT_ID": "dinie_ci_test_x", "DINIE_CLIENT_SECRET": "y"},
        clock=FakeClock(),
        lines=configure(config.telemetry),
        quiet=True,
        horizon=lambda: float("inf"),
    )

    assert not socket.exists()
    assert not (tmp_path / "gateway.db").exists()
    assert parts.secrets.current is None
    await parts.listeners.close()
    await parts.close()
    assert len(asyncio.all_tasks()) == 1
