"""`dinie-gateway simulate`: runs the Dinie simulator alone."""

import asyncio
import dataclasses
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import click
import yaml
from pydantic import TypeAdapter, ValidationError

from gateway.config.yaml_file import read_yaml
from gateway.simulator.response import Refusal
from gateway.simulator.server import Simulator, SimulatorOptions


@click.command()
@click.option(
    "--port",
    default=9400,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port on loopback; 0: any free one.",
)
@click.option(
    "--profile",
    type=click.Choice(["docs", "sdk"]),
    help="Generation of the API contract.  [default: docs]",
)
@click.option(
    "--seed",
    type=int,
    help="Seed of the ids; the same seed gives the same ids.  [default: 1]",
)
@click.option(
    "--config",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file with any option of the simulator, and `faults`.",
)
@click.option("--webhook-url", help="Receives every webhook event.")
@click.option(
    "--webhook-secret", help="whsec_ and base64.  [default: derived from the seed]"
)
def simulate(port: int, file: Path | None, **given: str | int | None) -> None:
    """Run the Dinie simulator until Ctrl-C."""
    content = _read(file)
    faults = content.pop("faults", None) or []
    content.update({name: value for name, value in given.items() if value is not None})
    options = _options(content)
    if options.webhook_secret is not None and options.webhook_url is None:
        _refuse("webhook_secret: signs nothing without a webhook_url")
    simulator = Simulator(options)
    if not isinstance(faults, list):
        _refuse("faults: a list")
    for fault in faults:
        try:
            simulator.fault(**fault)
        except Refusal as refusal:
            _refuse(refusal.reply.body.decode())
        except TypeError:
            _refuse(f"faults: {fault!r} is not a fault")
    sys.exit(asyncio.run(_run(simulator, port)))


def _read(file: Path | None) -> dict[str, Any]:
    """Return the content of a file; nothing without one."""
    if file is None:
        return {}
    try:
        content, repeated = read_yaml(file.read_bytes())
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        _refuse(f"cannot read {file}: {error}")
    for one in repeated:
        _refuse(f"{one.key}: occurs twice, in lines {one.first} and {one.line}")
    if content is None:
        return {}
    if not isinstance(content, dict):
        _refuse(f"{file}: `name: value` on each line")
    return content


def _options(content: dict[str, Any]) -> SimulatorOptions:
    known = {field.name for field in dataclasses.fields(SimulatorOptions)}
    if unknown := sorted(str(name) for name in set(content) - known):
        _refuse(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    try:
        return TypeAdapter(SimulatorOptions).validate_python(content)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        _refuse("\n".join(faults))


def _refuse(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(2)


async def _run(simulator: Simulator, port: int) -> int:
    loop = asyncio.get_running_loop()
    received: asyncio.Future[int] = loop.create_future()

    def stop(code: int) -> None:
        if not received.done():
            received.set_result(code)

    loop.add_signal_handler(signal.SIGTERM, stop, 0)
    loop.add_signal_handler(signal.SIGINT, stop, 130)
    try:
        bound = await simulator.start(port=port)
    except OSError as error:
        click.echo(f"cannot listen on port {port}: {error.strerror}", err=True)
        return 1
    options = simulator.options
    prefix = "/api/v3" if options.profile == "sdk" else "/v3"
    webhooks = ""
    if options.webhook_url is not None:
        secret = simulator.webhook_secret
        webhooks = f", webhooks to {options.webhook_url} signed with {secret}"
    click.echo(
        f"Dinie ({options.profile}) on http://127.0.0.1:{bound}{prefix}, "
        f"client id {options.client_id}, client secret {options.client_secret}, "
        f"journal at http://127.0.0.1:{bound}/_sim/journal{webhooks}"
    )
    try:
        return await received
    finally:
        await simulator.stop()
