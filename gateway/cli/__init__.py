"""The command line: one file for each command, imported when it is called."""

from importlib import import_module
from typing import Final

import click

_COMMANDS: Final = {
    "serve": "run the gateway until SIGTERM",
    "demo": "run the gateway against the simulator, on loopback",
    "simulate": "run the Dinie simulator alone",
    "check": "check the configuration, the secrets and the token endpoint",
    "rotate": "replace Dinie's credential in Vault, step by step",
    "inbox": "list the webhook inbox, deliver again, recover, backfill",
    "ledger": "list the POSTs whose outcome is unknown, settle one",
    "wait": "block until the gateway on this host is ready",
}


class _Lazy(click.Group):
    """Imports a command when it is called, so that a short one starts at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the documentation."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's file."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(f"gateway.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101 - our own files
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command(cls=_Lazy)
@click.version_option(package_name="dinie-gateway")
def cli() -> None:
    """Run the gateway between a company's services and the Dinie credit API."""
