"""Two callers of one key: what the first one's short deadline means for the second."""

import asyncio
import json

import pytest

from tests.inprocess import Said, Stack, running_stack
from tests.upstreams import DROP, Step, answer, running_upstream


def loan(stack: Stack, path: str = "/loans", **headers: str) -> asyncio.Task[Said]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    given = {"Idempotency-Key": "order-1", **named}
    return asyncio.create_task(stack.ask("POST", path, body=b"{}", headers=given))


async def inside(stack: Stack, count: int) -> None:
    """Wait until so many requests are in the gateway."""
    async with asyncio.timeout(10):
        while True:
            status = json.loads((await stack.admin("/status.json")).body)
            if status["requests"]["inside"] == count:
                return


async def test_a_follower_with_more_time_takes_over() -> None:
    """Its caller would wait: Dinie answers a moment after the first one gave up."""
    with running_upstream() as upstream:
        upstream.script(Step(held=True), Step(answer(201, b"made")))
        async with running_stack(upstream.base_url) as stack:
            hurried = loan(stack, X_Request_Timeout_Ms="700")
            await asyncio.to_thread(upstream.wait_for, 1)
            patient = loan(stack)
            told, served = await hurried, await patient
            upstream.release()

    assert (told.slug, told.headers["X-Gateway-Retry"]) == (
        "outcome-unknown",
        "unknown",
    )
    assert (served.status, served.body, served.attempts) == (201, b"made", 1)
    keys = [one.all("Idempotency-Key") for one in upstream.requests]
    assert keys == [["order-1"], ["order-1"]]


async def test_nobody_takes_over_what_cannot_be_repeated() -> None:
    """A second send would burn the customer's session."""
    path = "/biometrics/session-exchange"
    with running_upstream() as upstream:
        upstream.script(Step(held=True))
        async with running_stack(upstream.base_url) as stack:
            hurried = loan(stack, path, X_Request_Timeout_Ms="700")
            await asyncio.to_thread(upstream.wait_for, 1)
            patient = loan(stack, path)
            told = [await hurried, await patient]
            upstream.release()

    assert [one.slug for one in told] == ["outcome-unknown"] * 2
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        pytest.param([Step(answer(504))] * 4, 504, id="a-proxy-s-504"),
        pytest.param([DROP, Step(answer(422))], 422, id="refused-after-a-loss"),
        pytest.param([DROP] * 4, 504, id="lost"),
    ],
)
async def test_a_follower_is_told_all_that_the_leader_is_told(
    steps: list[Step], status: int
) -> None:
    """An error that seems final makes its caller use a new key: a second loan."""
    with running_upstream() as upstream:
        first = Step(steps[0].send, steps[0].then, held=True)
        upstream.script(first, *steps[1:])
        async with running_stack(upstream.base_url) as stack:
            leader = loan(stack)
            await asyncio.to_thread(upstream.wait_for, 1)
            follower = loan(stack)
            await inside(stack, 2)
            upstream.release()
            told = [await leader, await follower]
            metrics = (await stack.admin("/metrics")).body.decode()

    sent = len(steps)
    assert [(one.status, one.attempts) for one in told] == [(status, sent)] * 2
    assert [one.headers.get("X-Gateway-Retry") for one in told] == ["unknown"] * 2
    count = 'dinie_gateway_unknown_outcomes_total{route="/loans"} 1.0'
    assert count in metrics.splitlines()
