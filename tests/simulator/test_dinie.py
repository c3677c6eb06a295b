"""The simulator as a whole: prefixes, seeds, and the official SDK's walk."""

import asyncio
import gzip
from typing import Any

import httpx
import pytest
from dinie import Dinie
from dinie.generated.types.create_webhook_endpoint_request import (
    CreateWebhookEndpointRequest,
)

from gateway.simulator.server import Simulator, SimulatorOptions
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
    assert result.session_url.startswith("https://kyc-app.dinie.com.br/session/")
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


async def test_a_compressed_body_is_read() -> None:
    """Some HTTP clients compress what they send."""
    async with dinie() as partner:
        reply = await partner.call(
            "POST",
            "/customers",
            data=gzip.compress(b'{"cpf":"1"}'),
            headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
        )

    assert reply.status == 201


async def test_a_body_that_is_not_what_its_encoding_says_is_a_400() -> None:
    """It is entered in the journal like everything else."""
    async with dinie() as partner:
        reply = await partner.call(
            "POST",
            "/customers",
            data=b"no gzip at all",
            headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
        )
        last = partner.simulator.journal[-1]

    assert reply.code == (400, "malformed_body")
    assert (last.status, last.executed) == (400, False)


@pytest.mark.parametrize(
    ("profile", "known"),
    [("docs", "https://api.dinie.com.br/"), ("sdk", "https://docs.dinie.com/")],
)
async def test_a_problem_has_the_type_of_its_generation(
    profile: str, known: str
) -> None:
    """Documentation and SDKs disagree on that, too."""
    async with dinie(profile=profile) as partner:
        reply = await partner.call("GET", "/nothing")

    assert reply.json["type"] == f"{known}errors/not-found"


async def test_the_official_sdk_reads_all_that_there_is() -> None:
    """It breaks on any field that is missing."""
    simulator = Simulator(SimulatorOptions(profile="sdk"))
    port = await simulator.start()
    base = f"http://127.0.0.1:{port}/api/v3"

    def look() -> tuple[int, ...]:
        with httpx.Client(base_url=base, timeout=10) as http:
            options = simulator.options
            client = Dinie(
                client_id=options.client_id,
                client_secret=options.client_secret,
                base_url=base,
                http_client=http,
            )
            walked = walk_loan(client)
            content = CreateWebhookEndpointRequest(url="https://shop.example/hook")
            endpoint = client.webhook_endpoints.create(content)
            client.webhook_endpoints.rotate_secret(endpoint.id, {})
            client.webhook_endpoints.retrieve(endpoint.id)
            client.credit_offers.retrieve(walked.offer_id)
            client.customers.retrieve_bank_account(walked.customer_id)
            return (
                len(client.credentials.list().data),
                len(client.webhook_endpoints.list().data),
                len(client.credit_offers.list().data),
                len(client.customers.list().data),
            )

    try:
        counts = await asyncio.to_thread(look)
    finally:
        await simulator.stop()

    assert counts == (1, 1, 1, 1)
