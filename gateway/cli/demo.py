"""`dinie-gateway demo`: runs the gateway against the simulator, on loopback."""

import asyncio
import base64
import signal
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import click
import uvloop

from gateway.app.gateway import run
from gateway.app.listeners import Addresses
from gateway.cli.tour import tour
from gateway.config.load import ConfigError, load
from gateway.config.schema import Config
from gateway.core.clock import SystemClock
from gateway.simulator.server import Simulator, SimulatorOptions

CLIENT_ID = "dinie_ci_test_demo"
CLIENT_SECRET = "dinie_cs_test_demo"  # noqa: S105 - lives as long as the process
_WEBHOOK_SECRET = (
    "whsec_" + base64.b64encode(b"thrown away with the demo's end!").decode()
)
_PORTS = {"proxy": 8080, "admin": 8081, "webhooks": 8082}


@click.command()
@click.option("--once", is_flag=True, help="Run a scripted tour and exit.")
def demo(once: bool) -> None:  # noqa: FBT001 - click's way
    """Run the gateway against the simulator; nothing leaves this machine."""
    with (
        tempfile.TemporaryDirectory(prefix="dinie-demo-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        sys.exit(runner.run(_demo(folder, once=once)))


async def _demo(folder: str, *, once: bool) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if not once:  # a tour ends as other commands do: 130 or 143, at once
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    simulator = Simulator(
        SimulatorOptions(
            profile="sdk",
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            rate_limit=100_000,  # a demo under load shows the gateway, not the quota
        ),
        clock=SystemClock(),
    )
    port = await simulator.start(host="127.0.0.1", port=0)
    started: asyncio.Future[Addresses] = loop.create_future()
    try:
        gateway = loop.create_task(_gateway(folder, port, stop, started, once=once))
        waited: set[asyncio.Future[Any]] = {gateway, started}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if not started.done():
            await gateway  # it could not start; this raises why
            return 1
        succeeded = await _show(started.result(), simulator, port, stop, once=once)
        stop.set()
        await gateway
    except OSError as error:
        click.echo(f"cannot listen: {error.strerror or error}", err=True)
        return 1
    finally:
        await simulator.stop()
    return 0 if succeeded else 1


async def _show(
    running: Addresses,
    simulator: Simulator,
    port: int,
    stop: asyncio.Event,
    *,
    once: bool,
) -> bool:
    url = f"http://{running.webhooks}/webhooks/dinie"
    simulator.add_endpoint(url, secret=_WEBHOOK_SECRET)
    if once:
        return await tour(running, simulator, echo=click.echo)
    _explain(running, port)
    await stop.wait()
    return True


async def _gateway(
    folder: str,
    simulator: int,
    stop: asyncio.Event,
    started: asyncio.Future[Addresses],
    *,
    once: bool,
) -> None:
    async def attempt(*, fixed: bool) -> None:
        await run(
            _config(folder, simulator, fixed=fixed, once=once),
            stop=stop,
            started=started.set_result,
            environ=_credentials(),
            quiet=once,
        )

    try:
        await attempt(fixed=not once)
    except OSError:
        if once or started.done():
            raise
        await attempt(fixed=False)  # the usual ports are in use: take any free ones


# The configuration in the folder may be that of a shared gateway with TLS.
_PLAIN = (
    "drain.accept=0",
    "identity.callers=[]",
    "listen.tls.cert_file=null",
    "listen.tls.key_file=null",
    "listen.tls.client_ca_file=null",
)


def _credentials() -> Mapping[str, str]:
    return {
        "DINIE_CLIENT_ID": CLIENT_ID,
        "DINIE_CLIENT_SECRET": CLIENT_SECRET,
        "DINIE_WEBHOOK_SECRET": _WEBHOOK_SECRET,
    }


def _config(folder: str, simulator: int, *, fixed: bool, once: bool) -> Config:
    ports = _PORTS if fixed else dict.fromkeys(_PORTS, 0)
    try:
        return load(
            environment="local",
            env={},
            overrides=(
                f"upstream.base_url=http://127.0.0.1:{simulator}/v3",
                *(f"listen.{name}=127.0.0.1:{ports[name]}" for name in ports),
                f"storage.sqlite_path={folder}/gateway.db",
                *_PLAIN,
                "secrets.provider=env",
                "telemetry.log_format=console",
                f"telemetry.log_level={'error' if once else 'info'}",
            ),
        ).config
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)


def _explain(running: Addresses, simulator: int) -> None:
    click.echo(
        f"""
The gateway listens on http://{running.proxy}, and the simulator stands in for Dinie.
Paste into another terminal:

  curl -i http://{running.proxy}/v3/customers \\
    -H 'Content-Type: application/json' \\
    -d '{{"cpf":"123.456.789-09","cnpj":"12.345.678/0001-95","email":"ana@example.com","phone":"+5511999999999","name":"Ana"}}'

  curl -i http://{running.proxy}/v3/customers -H 'X-Sim-Fault: status;status=503'
  curl -s http://{running.admin}/inbox       # the webhooks that followed
  curl -s http://{running.admin}/readyz
  curl -s http://{running.admin}/metrics | grep ^dinie_gateway_
  curl -s http://127.0.0.1:{simulator}/_sim/journal

An official SDK: set its base URL to http://{running.proxy}/api/v3, any credentials.
Ctrl-C ends it.
"""  # noqa: E501 - lines to paste whole
    )
