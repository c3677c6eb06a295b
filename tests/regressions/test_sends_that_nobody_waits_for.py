"""A POST was sent although its caller had left, or no time was left for its answer."""

import asyncio

from aiohttp import ClientSession, ClientTimeout

from tests.inprocess import running_stack
from tests.upstreams import Step, answer, running_upstream

BUSY = Step(answer(503, b"{}", [("Retry-After", "0.5")]))


async def test_a_caller_that_leaves_in_a_backoff_ends_its_attempts() -> None:
    """It will ask again with a new key: this POST would be its second loan."""
    with running_upstream() as upstream:
        upstream.default = BUSY
        async with running_stack(upstream.base_url) as stack, ClientSession() as caller:
            address = f"http://{stack.running.proxy}/v3/loans"
            try:
                async with caller.post(address, timeout=ClientTimeout(total=0.2)):
                    left = False
            except TimeoutError:
                left = True
            await asyncio.sleep(0.8)
            metrics = (await stack.admin("/metrics")).body.decode()

        assert (left, len(upstream.requests)) == (True, 1)
    assert 'dinie_gateway_errors_total{slug="caller-gone"} 1.0' in metrics


async def test_a_body_that_took_all_the_time_is_not_sent() -> None:
    """It would be cut off at once, and end as an unknown outcome for nothing."""
    with running_upstream() as upstream:
        async with running_stack(upstream.base_url) as stack:
            host, port = str(stack.running.proxy).split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(
                b"POST /v3/loans HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                b"X-Request-Timeout-Ms: 400\r\nContent-Length: 2\r\n\r\n{"
            )
            await asyncio.sleep(0.3)
            writer.write(b"}")
            said = await reader.read()
            writer.close()

        assert upstream.requests == []
    assert b"X-Gateway-Error: upstream-unreachable" in said
    assert b"X-Gateway-Attempts: 0" in said


async def test_a_follower_takes_over_from_a_leader_that_left() -> None:
    """The one who still waits must not get the other's goodbye."""
    with running_upstream() as upstream:
        upstream.script(BUSY)
        async with running_stack(upstream.base_url) as stack, ClientSession() as caller:
            address = f"http://{stack.running.proxy}/v3/loans"
            headers = {"Idempotency-Key": "one"}
            leader = asyncio.ensure_future(
                caller.post(address, headers=headers, timeout=ClientTimeout(total=0.2))
            )
            await asyncio.sleep(0.1)

            said = await stack.ask("POST", "/v3/loans", headers=headers)

            left = await asyncio.gather(leader, return_exceptions=True)
    assert isinstance(left[0], TimeoutError)
    assert (said.status, said.attempts) == (200, 1)
