"""`dinie-gateway serve`: runs the gateway until SIGTERM."""

import asyncio
import os
import signal
import sys
from functools import partial

import click
import structlog
import uvloop

from gateway.app.gateway import run
from gateway.app.listeners import Addresses
from gateway.app.secrets import WrongEnvironment
from gateway.cli.options import config_options
from gateway.config.load import ConfigError, Loaded, load
from gateway.config.warnings import warnings
from gateway.telemetry.logging import drain_standard_streams, unblock_standard_streams

_log = structlog.get_logger("gateway")
INTERRUPTED = 130
_LOG_TIMEOUT = 0.2  # s for the log to be written at a second Ctrl-C


@click.command()
@config_options
def serve(config_dir: str | None, overrides: tuple[str, ...]) -> None:
    """Run the gateway for DINIE_ENV until SIGTERM; exit 0 after a clean drain."""
    try:
        loaded = load(config_dir=config_dir, overrides=overrides)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    unblock_standard_streams()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(_serve(loaded)))


async def _serve(loaded: Loaded) -> int:
    stop = asyncio.Event()
    reload = asyncio.Event()
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        if stop.is_set():
            # End at once: the server's own shutdown would take seconds.
            drain_standard_streams(_LOG_TIMEOUT)
            os._exit(INTERRUPTED)
        stop.set()

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, interrupted)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    try:
        await run(
            loaded.config, stop=stop, reload=reload, started=partial(_announce, loaded)
        )
    except WrongEnvironment as error:
        click.echo(str(error), err=True)
        return 2
    except OSError as error:
        click.echo(f"cannot listen: {error.strerror or error}", err=True)
        return 1
    finally:
        _ignore_more(loop)
    return 0


def _ignore_more(loop: asyncio.AbstractEventLoop) -> None:
    """Ignore signals after the drain.

    Closing the loop restores the default handlers, which kill the process: the exit
    code would not be 0, and the last lines of the log could be lost.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)  # the interpreter outlives a function


def _announce(loaded: Loaded, running: Addresses) -> None:
    for warning in warnings(loaded.config):
        _log.warning("risky_setting", key=warning.key, detail=warning.message)
    assumed = " (DINIE_ENV is not set)" if loaded.assumed else ""
    click.echo(
        f"dinie-gateway: proxy on {running.proxy or 'off'}, "
        f"admin on {running.admin or 'off'}"
        + (f", webhooks on {running.webhooks}" if running.webhooks else "")
        + f"\ndinie-gateway: environment {loaded.environment}{assumed}",
        err=True,
    )
