"""A gateway that is told to stop while it still reads its secrets."""

import asyncio

from gateway.app.gateway import run
from gateway.config.load import load


async def test_a_stop_before_the_sockets_are_open_opens_none() -> None:
    """Whoever stops a deployment at once waits for no drain of nothing."""
    config = load(
        environment="local",
        env={},
        overrides=(
            "listen.proxy=127.0.0.1:0",
            "listen.admin=127.0.0.1:0",
            "idempotency.durable=false",
            "drain.accept=600",
        ),
    ).config
    stop, started = asyncio.Event(), asyncio.Event()
    stop.set()

    await run(
        config,
        stop=stop,
        started=lambda _: started.set(),
        environ={"DINIE_CLIENT_ID": "dinie_ci_test_x", "DINIE_CLIENT_SECRET": "x"},
    )

    assert not started.is_set()
