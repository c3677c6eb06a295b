"""One caller's short deadline is its own affair."""

import asyncio
import time

import pytest

from gateway.core.clock import SystemClock
from tests.inprocess import Stack, running_stack
from tests.upstreams import Step, answer, running_upstream

BUSY = ("ratelimit.enabled=false",)


@pytest.fixture
def _fast_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the gateway's moments go by ten times as fast."""
    monkeypatch.setattr(SystemClock, "now", staticmethod(lambda: time.monotonic() * 10))


async def hurried(stack: Stack, count: int, header: str, value: str) -> list[str]:
    """Return what so many callers with little time are told."""
    asked = [
        stack.ask("GET", "/customers", headers={header: value}) for _ in range(count)
    ]
    return [str(said.slug) for said in await asyncio.gather(*asked)]


@pytest.mark.usefixtures("_fast_clock")
@pytest.mark.parametrize(
    "header", ["X-Request-Timeout-Ms", "x-envoy-expected-rq-timeout-ms"]
)
async def test_a_caller_s_short_deadline_does_not_open_the_circuit(header: str) -> None:
    """Dinie answers well, only later: nobody else's loan may be refused for it."""
    with running_upstream() as upstream:
        upstream.script(*[Step(held=True)] * 12)
        async with running_stack(upstream.base_url, *BUSY) as stack:
            told = await hurried(stack, 12, header, "2000")
            upstream.default = Step(answer(201))
            loan = await stack.ask("POST", "/loans", body=b"{}")
            upstream.release()
            metrics = (await stack.admin("/metrics")).body.decode()

    assert told == ["upstream-timeout"] * 12
    assert loan.status == 201
    assert 'circuit_state{name="api"} 0.0' in metrics
    attempts = 'upstream_attempts_total{outcome="deadline",route="/customers"} 12.0'
    assert attempts in metrics
