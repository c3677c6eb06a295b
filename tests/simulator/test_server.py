"""The simulator as a whole: prefixes, seeds, and the official SDK's walk."""

import asyncio
from typing import Any

import httpx
import pytest
from dinie import Dinie

from gateway.simulator.server import Simulator, SimulatorOptions
from tests.fakes import FakeClock
from tests.simulator.partner import dinie
from tests.walk import WalkResult, walk_loan


async def test_the_official_sdk_walks_the_whole_life_of_a_loan() -> None:
    """What our tests stand on is what real clients accept."""
    simulator = Simulator(SimulatorOptions(profile="sdk"))
    port = await simulator.start()
    options = simulator.options
    base = f"http://127.0.0.1:{port}/api/v3"

    def walk() -> WalkResult:
        with httpx.Client(base_url=base, timeout=10) as http:
            client = Dinie(
                client_id=options.client_id,
                client_secret=options.client_secret,
                base_url=base,
                http_client=http,
            )
            return walk_loan(client)

    try:
        result = await asyncio.to_thread(walk)
    finally:
        await simulator.stop()

    assert result.loan_status == "awaiting_signatures"
    assert (result.transactions, result.uploads) == (4, 5)
    assert (simulator.count("customers"), simulator.count("loans")) == (1, 1)
    assert set(simulator.effects.values()) == {1}


@pytest.mark.parametrize("prefix", ["", "/v3", "/api/v3"])
async def test_every_prefix_means_the_same(prefix: str) -> None:
    """Documentation and SDKs disagree on it."""
    async with dinie() as partner:
        reply = await partner.call("GET", "/banks", prefix=prefix)

    assert reply.status == 200


async def life(seed: int) -> list[Any]:
    async with dinie(seed=seed) as partner:
        offer = await partner.offer()
        return [partner.token, offer, await partner.simulation(offer)]


async def test_the_same_seed_gives_the_same_world() -> None:
    """A failing run can be run again, id for id."""
    first, again, other = await life(7), await life(7), await life(8)

    assert first == again
    assert first != other


async def test_a_reset_begins_the_world_anew() -> None:
    """Tests that share a simulator do not share customers."""
    async with dinie() as partner:
        token, made = partner.token, await partner.customer()
        await partner.call("POST", "/_sim/reset")
        emptied = partner.simulator.count("customers")
        await partner.mint()
        again = await partner.customer()

    assert (emptied, partner.token, again) == (0, token, made)


async def test_stopping_twice_is_once_enough() -> None:
    """Cleaning up never fails a test."""
    simulator = Simulator(clock=FakeClock())
    await simulator.start()

    await simulator.stop()
    await simulator.stop()
