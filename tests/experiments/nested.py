"""How much more is a Dinie asked where the official SDK retries through the gateway?"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
from dinie import Dinie
from dinie.runtime.errors import ApiError

from gateway.simulator.options import SimulatorOptions
from gateway.simulator.server import Simulator
from tests.inprocess import running_stack

_RATE, _SPAN = 15.0, 15.0  # requests/s, s
_COUNT = int(_RATE * _SPAN)


async def nested(*, ailing: float, max_retries: int) -> int:
    """Return how often Dinie was asked by SDKs that retry so many times.

    Args:
        ailing: Share of the requests that Dinie answers with 503.
        max_retries: Of each SDK.
    """
    loop = asyncio.get_running_loop()
    simulator = Simulator(
        SimulatorOptions(
            client_id="dinie_ci_test_stack",
            client_secret="dinie_cs_test_stack",
            profile="sdk",
            rate_limit=100_000,
        )
    )
    port = await simulator.start()
    simulator.fault(
        kind="status", status=503, path="/customers", times=None, probability=ailing
    )
    try:
        # The defaults of production, where the stack of the tests is swifter.
        retry = "retry.base=0.5", "retry.cap=8", "retry.budget_burst=10"
        async with running_stack(f"http://127.0.0.1:{port}/v3", *retry) as stack:
            url = f"http://{stack.running.proxy}/v3"
            # A pool of their own: the loop's default one is the gateway's.
            with ThreadPoolExecutor(_COUNT) as pool:
                calls = []
                for _ in range(_COUNT):
                    calls.append(loop.run_in_executor(pool, _call, url, max_retries))
                    await asyncio.sleep(1 / _RATE)
                await asyncio.gather(*calls)
        return sum("/customers" in entry.target for entry in simulator.journal)
    finally:
        await simulator.stop()


def _call(url: str, max_retries: int) -> None:
    """Ask once, as a new process would."""
    with httpx.Client(base_url=url, timeout=60) as http, suppress(ApiError):
        Dinie(
            client_id="unused",
            client_secret="unused",
            base_url=url,
            http_client=http,
            max_retries=max_retries,
        ).customers.list()
