"""A call in flight was joined by a caller with another bearer, who got its answer."""

import asyncio

import pytest

from tests.inprocess import Stack, running_stack
from tests.upstreams import ScriptedUpstream, Step, answer, running_upstream


async def _two_at_once(
    stack: Stack, upstream: ScriptedUpstream, *bearers: str | None
) -> list[tuple[int, bytes]]:
    """Ask twice with one key and the given bearers; Dinie says 200, then 401."""
    loop = asyncio.get_running_loop()
    upstream.script(
        Step(answer(200, b'{"of":"first"}'), held=True), Step(answer(401, b"no"))
    )
    asked = []
    for bearer in bearers:
        headers = {"Idempotency-Key": "one"}
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        asked.append(
            asyncio.ensure_future(
                stack.ask("POST", "/v3/x", body=b"{}", headers=headers)
            )
        )
        await loop.run_in_executor(None, upstream.wait_for, 1)
        await asyncio.sleep(0.05)
    upstream.release()
    return [(said.status, said.body) for said in await asyncio.gather(*asked)]


@pytest.mark.parametrize(
    "bearers",
    [
        pytest.param(("customer-a", "customer-b"), id="two-customers"),
        pytest.param((None, "customer-b"), id="customer-after-partner"),
    ],
)
async def test_another_bearer_never_gets_the_answer_of_a_call_in_flight(
    bearers: tuple[str | None, ...],
) -> None:
    """One customer's bank account is not the other's to read."""
    with running_upstream() as upstream:
        async with running_stack(upstream.base_url) as stack:
            first, second = await _two_at_once(stack, upstream, *bearers)

    assert first == (200, b'{"of":"first"}')
    assert second == (401, b"no")


async def test_the_same_bearer_still_joins() -> None:
    """A double click of one customer is one call."""
    with running_upstream() as upstream:
        async with running_stack(upstream.base_url) as stack:
            told = await _two_at_once(stack, upstream, "customer-a", "customer-a")

        assert len(upstream.requests) == 1
    assert told == [(200, b'{"of":"first"}')] * 2
