"""One party that holds everything it can must not stop the others."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.inprocess import Stack, running_stack
from tests.upstreams import ScriptedUpstream, Step, answer

CALLERS = json.dumps([{"name": "alpha"}, {"name": "beta"}])
ALPHA, BETA = ({"X-Gateway-Caller": name} for name in ("alpha", "beta"))
SETTINGS = (
    f"identity.callers={CALLERS}",
    "admission.max_in_flight=8",
    "admission.max_queue=16",
)


@asynccontextmanager
async def held(stack: Stack, raw: bytes, count: int) -> AsyncIterator[None]:
    """Have so many connections that wrote something, and do no more."""
    host, _, port = str(stack.running.proxy).rpartition(":")
    writers = []
    for _ in range(count):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(raw)
        writers.append(writer)
    await asyncio.sleep(0.1)
    yield
    for writer in writers:
        writer.transport.abort()


async def loans(stack: Stack, headers: dict[str, str], count: int = 5) -> list[int]:
    """Ask for loans at once; return their statuses."""
    asked = [
        stack.ask("POST", "/v3/loans", body=b"{}", headers=headers)
        for _ in range(count)
    ]
    return [said.status for said in await asyncio.gather(*asked)]


async def test_strangers_that_want_a_token_refuse_no_caller(
    upstream: ScriptedUpstream,
) -> None:
    """Half a request for a token needs no secret, and costs its sender nothing."""
    raw = b"POST /auth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"
    async with (
        running_stack(upstream.base_url, *SETTINGS) as stack,
        held(stack, raw, 100),
    ):
        statuses = await loans(stack, BETA)
        token = await stack.ask("POST", "/auth/token", body=b"{}")

    assert (statuses, token.status) == ([200] * 5, 200)


async def test_slow_bodies_of_one_caller_refuse_no_other(
    upstream: ScriptedUpstream,
) -> None:
    """One broken client held every place for as long as a body may take."""
    raw = (
        b"POST /v3/loans HTTP/1.1\r\nHost: a\r\nX-Gateway-Caller: alpha\r\n"
        b"Content-Length: 100\r\n\r\n{"
    )
    async with (
        running_stack(upstream.base_url, *SETTINGS) as stack,
        held(stack, raw, 60),
    ):
        statuses = await loans(stack, BETA)

    assert statuses == [200] * 5


async def test_slow_calls_of_one_caller_refuse_no_other(
    upstream: ScriptedUpstream,
) -> None:
    """Its answers take 5 s: nobody else may wait for them."""
    raw = b"GET /v3/customers HTTP/1.1\r\nHost: a\r\nX-Gateway-Caller: alpha\r\n\r\n"
    async with running_stack(upstream.base_url, *SETTINGS) as stack:
        await loans(stack, BETA, 1)
        upstream.default = Step(answer(), held=True)
        async with held(stack, raw, 40):
            upstream.default = Step()
            others = await loans(stack, BETA, 2)
            own = await loans(stack, ALPHA, 1)
            upstream.release()

    assert (others, own) == ([200] * 2, [200])
