"""The simulator as a whole: prefixes, seeds, and the official SDK's walk."""

import asyncio

import pytest

from gateway.simulator.server import Simulator
from tests.fakes import FakeClock
from tests.simulator.partner import dinie, until


async def test_stopping_twice_is_once_enough() -> None:
    """Cleaning up never fails a test."""
    simulator = Simulator(clock=FakeClock())
    await simulator.start()

    await simulator.stop()
    await simulator.stop()

    assert simulator._runner is None


async def test_stopping_ends_what_hangs() -> None:
    """A test that gives up early does not keep the next one waiting."""
    async with dinie() as partner:
        partner.simulator.fault(kind="hang")
        asked = asyncio.ensure_future(partner.call("GET", "/banks"))
        await until(lambda: partner.simulator.journal[-1].fault)
        await partner.simulator.stop()
        with pytest.raises(OSError, match=r"\w"):
            await asked
