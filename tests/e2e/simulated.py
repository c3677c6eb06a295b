"""The simulated Dinie behind a real gateway process."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gateway.simulator.server import Simulator, SimulatorOptions
from tests.gateway_process import CLIENT_ID, CLIENT_SECRET

_PATIENCE = 20.0  # s


class Simulated:
    """A simulator on a thread of its own."""

    def __init__(self, **options: Any) -> None:
        self.dinie = Simulator(
            SimulatorOptions(
                client_id=CLIENT_ID, client_secret=CLIENT_SECRET, **options
            )
        )
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v3"

    def executed(self, target: str) -> int:
        """Return how often a POST to a target (without prefix) took effect."""
        return sum(
            entry.executed and entry.method == "POST"
            for entry in self.dinie.journal
            if entry.target.removeprefix("/v3") == target
        )

    def faults(self) -> set[str]:
        """Return the kinds of faults that really happened."""
        return {entry.fault for entry in self.dinie.journal if entry.fault}

    def start(self) -> None:
        self._thread.start()
        begun = asyncio.run_coroutine_threadsafe(self.dinie.start(), self._loop)
        self.port = begun.result(_PATIENCE)

    def stop(self) -> None:
        ended = asyncio.run_coroutine_threadsafe(self.dinie.stop(), self._loop)
        ended.result(_PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def running_simulator(**options: Any) -> Iterator[Simulated]:
    """Yield a listening simulator; close it at the end."""
    simulated = Simulated(**options)
    simulated.start()
    try:
        yield simulated
    finally:
        simulated.stop()
