"""A stalled download held its slot for a caller that had left."""

import asyncio

from tests.inprocess import running_stack
from tests.upstreams import ScriptedUpstream, Step, answer

MIB = 1024 * 1024


async def test_who_leaves_a_stalled_download_gives_its_slot_back(
    upstream: ScriptedUpstream,
) -> None:
    """Sixty-four of them would have kept everybody out for a minute."""
    body = b"x" * 2 * MIB
    upstream.default = Step(answer(200, body), held=True, sent_first=MIB + MIB // 2)
    async with running_stack(upstream.base_url, "admission.max_in_flight=1") as stack:
        host, _, port = str(stack.running.proxy).rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /v3/x HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readexactly(1000)
        writer.transport.abort()
        upstream.default = Step()

        said = await stack.ask("GET", "/v3/banks")

        metrics = (await stack.admin("/metrics")).body.decode()
        upstream.release()
    assert said.status == 200
    assert 'dinie_gateway_errors_total{slug="caller-gone"} 1.0' in metrics


async def test_what_must_not_be_repeated_is_not_by_a_follower(
    upstream: ScriptedUpstream,
) -> None:
    """A bootstrap code works once: the second exchange would end the session."""
    upstream.default = Step(b"", "close", held=True)
    head = (
        b"POST /v3/biometrics/session-exchange HTTP/1.1\r\nHost: a\r\n"
        b"Idempotency-Key: one\r\nContent-Length: 2\r\n\r\n{}"
    )
    async with running_stack(upstream.base_url) as stack:
        host, _, port = str(stack.running.proxy).rpartition(":")
        _, leader = await asyncio.open_connection(host, int(port))
        leader.write(head)
        await asyncio.to_thread(upstream.wait_for, 1)
        reader, follower = await asyncio.open_connection(host, int(port))
        follower.write(head)
        await asyncio.sleep(0.05)
        leader.transport.abort()
        await asyncio.sleep(0.05)

        upstream.release()
        said = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        follower.close()

    assert b"X-Gateway-Error: outcome-unknown" in said
    assert len(upstream.requests) == 1
