"""`dinie-gateway wait`: blocks until the gateway on this host is ready."""

import http.client
import socket
import sys
import time

import click

from gateway.cli.options import config_options, configured
from gateway.core.address import Address

_INTERVAL = 0.2  # s between requests
_POLL_TIMEOUT = 2.0  # s for one request


@click.command()
@click.option(
    "--timeout", default=60.0, show_default=True, help="Seconds to wait at most."
)
@config_options
def wait(timeout: float, config_dir: str | None, overrides: tuple[str, ...]) -> None:
    """Block until the gateway on this host responds to /readyz with 200."""
    address = configured(config_dir, overrides).listen.admin
    if address.off or address.port == 0:
        click.echo("wait needs listen.admin as host:port or unix:/path", err=True)
        sys.exit(2)
    until = time.monotonic() + timeout  # noqa: TID251 - a command, not a room
    last = "nothing listens there yet"
    while time.monotonic() < until:  # noqa: TID251
        last = _poll(address)
        if last == "ready":
            click.echo(f"ready at {address}")
            return
        time.sleep(_INTERVAL)
    click.echo(f"not ready after {timeout:g} s: {last}", err=True)
    sys.exit(1)


def _poll(address: Address) -> str:
    host, port = address.host or "localhost", address.port
    connection = http.client.HTTPConnection(host, port, timeout=_POLL_TIMEOUT)
    try:
        if address.path is not None:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(_POLL_TIMEOUT)
            connection.sock.connect(address.path)
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        body = response.read(4096).decode("utf-8", "replace")
    except OSError as error:
        return type(error).__name__
    finally:
        connection.close()
    return "ready" if response.status == http.client.OK else body
