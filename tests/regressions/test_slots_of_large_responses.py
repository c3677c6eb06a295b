"""A large response that is dropped kept its slot, for ever or while another is asked.

Each of these gateways has one slot, so that whatever keeps it is seen by the next send.
"""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import ClientError

from gateway.credentials.canary import Canary
from gateway.credentials.stage import CredentialsStage
from tests.inprocess import Stack, running_stack
from tests.retry.scene import scene
from tests.upstreams import ScriptedUpstream, Step, answer

MIB = 1024 * 1024
BODY = b"x" * 2 * MIB  # above what is read whole
OK = Step(answer(200, b"{}"))


def large(status: int) -> Step:
    return Step(answer(status, BODY))


@pytest.fixture
async def narrow(upstream: ScriptedUpstream) -> AsyncIterator[Stack]:
    """Return a gateway with one slot."""
    async with running_stack(upstream.base_url, "admission.max_in_flight=1") as stack:
        yield stack


class Tokens:
    """Always has a token."""

    def usable(self) -> Any:
        return SimpleNamespace(header="Bearer made-up")


@pytest.mark.parametrize("status", [401, 403, 429])
async def test_a_large_refusal_of_a_canary_frees_its_slot(
    upstream: ScriptedUpstream, status: int
) -> None:
    """No caller asked for that credential, and each refusal took a slot for ever."""
    upstream.script(large(status), OK)
    tokens = cast("Any", Tokens())
    canary = Canary(tokens, share=1.0, random=lambda: 0.0, on_result=lambda _: None)
    async with scene(upstream.base_url, slots=1) as stage:
        credentials = CredentialsStage(tokens, stage.clock, lambda: None, canary)
        exchange = stage.exchange()

        response = await credentials(exchange, stage.attempt)

        assert (response.status, exchange.history.sends) == (200, 2)
        assert stage.bulkhead.in_flight == 0


@pytest.mark.parametrize("status", [401, 500])
async def test_a_large_refusal_frees_its_slot_before_the_next_attempt(
    upstream: ScriptedUpstream, narrow: Stack, status: int
) -> None:
    """The replay after a 401 and the retry of a 500 need the slot again."""
    upstream.script(large(status), OK)

    said = await narrow.ask("GET", "/v3/banks")

    assert (said.status, said.attempts) == (200, 2)


async def test_a_second_large_401_frees_its_slot_with_the_problem(
    upstream: ScriptedUpstream, narrow: Stack
) -> None:
    """A refused credential must not also use up the room."""
    upstream.script(large(401), large(401), OK)

    refused = await narrow.ask("GET", "/v3/banks")
    after = await narrow.ask("GET", "/v3/banks")

    assert (refused.slug, after.status) == ("upstream-auth-failed", 200)


async def test_a_stream_that_is_cut_frees_its_slot(
    upstream: ScriptedUpstream, narrow: Stack
) -> None:
    """Dinie may end in the middle of every download."""
    upstream.script(Step(answer(200, BODY, length=3 * MIB), "close"), OK)

    with pytest.raises(ClientError):
        await narrow.ask("GET", "/v3/banks")
    after = await narrow.ask("GET", "/v3/banks")

    assert after.status == 200
