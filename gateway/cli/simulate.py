"""`dinie-gateway simulate`: Dinie in a box, alone."""

import asyncio
import dataclasses
import signal
import sys
from pathlib import Path
from typing import Any

import click
import yaml

from gateway.simulator.answer import Refusal
from gateway.simulator.server import Simulator, SimulatorOptions


@click.command()
@click.option("--port", default=9400, show_default=True, help="Port on loopback.")
@click.option(
    "--profile",
    type=click.Choice(["docs", "sdk"]),
    help="Which generation of the contract.  [default: docs]",
)
@click.option("--seed", type=int, help="Ids repeat under the same seed.  [default: 1]")
@click.option(
    "--config",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML: any option of the simulator, and `faults`.",
)
def simulate(
    port: int, profile: str | None, seed: int | None, file: Path | None
) -> None:
    """Run the Dinie simulator until Ctrl-C."""
    content = yaml.safe_load(file.read_text()) if file is not None else {}
    faults = content.pop("faults", [])
    given = {"profile": profile, "seed": seed}
    content.update({name: value for name, value in given.items() if value is not None})
    known = {field.name for field in dataclasses.fields(SimulatorOptions)}
    if unknown := sorted(set(content) - known):
        click.echo(
            f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}",
            err=True,
        )
        sys.exit(2)
    simulator = Simulator(SimulatorOptions(**content))
    try:
        for fault in faults:
            simulator.fault(**fault)
    except Refusal as refusal:
        click.echo(refusal.answer.body.decode(), err=True)
        sys.exit(2)
    sys.exit(asyncio.run(_run(simulator, port)))


async def _run(simulator: Simulator, port: int) -> int:
    received: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def stop(code: int) -> None:
        if not received.done():
            received.set_result(code)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop, 0)
    loop.add_signal_handler(signal.SIGINT, stop, 130)
    try:
        bound = await simulator.start(port=port)
    except OSError as error:
        click.echo(f"cannot listen on port {port}: {error.strerror}", err=True)
        return 1
    options: Any = simulator.options
    click.echo(
        f"Dinie ({options.profile}) on http://127.0.0.1:{bound}/v3, "
        f"client id {options.client_id}, client secret {options.client_secret}, "
        f"journal at http://127.0.0.1:{bound}/_sim/journal"
    )
    try:
        return await received
    finally:
        await simulator.stop()
