"""`dinie-gateway wait`: block until the gateway on this host is ready."""

import http.client
import sys
import time

import click

from gateway.cli.options import config_options, configured

_INTERVAL = 0.2  # s between looks


@click.command()
@click.option(
    "--timeout", default=60.0, show_default=True, help="Seconds to wait at most."
)
@config_options
def wait(timeout: float, config_dir: str | None, overrides: tuple[str, ...]) -> None:
    """Block until the gateway on this host answers /readyz with 200."""
    address = configured(config_dir, overrides).listen.admin
    if address.host is None or not address.port:
        click.echo("wait needs listen.admin as host:port", err=True)
        sys.exit(2)
    until = time.monotonic() + timeout  # noqa: TID251 - a command, no room
    last = "nothing listens there yet"
    while time.monotonic() < until:  # noqa: TID251
        last = _look(address.host, address.port)
        if last == "ready":
            click.echo(f"ready at {address.host}:{address.port}")
            return
        time.sleep(_INTERVAL)
    click.echo(f"not ready after {timeout:g} s: {last}", err=True)
    sys.exit(1)


def _look(host: str, port: int) -> str:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read(4096).decode("utf-8", "replace")
    except OSError as error:
        return type(error).__name__
    finally:
        connection.close()
    return "ready" if answer.status == http.client.OK else body
