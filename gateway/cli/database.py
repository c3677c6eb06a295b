"""Runs a command on the database file that the configuration names."""

import asyncio
import glob
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import click

from gateway.app.storage import open_database
from gateway.cli.options import configured
from gateway.cli.proxy_client import Unreachable
from gateway.config.schema import Config
from gateway.core.clock import SystemClock
from gateway.inbox.ports import StoreUnavailable
from gateway.storage.database.database import Database, DatabaseUnavailable
from gateway.storage.ledger.intent_log import MARK
from gateway.upstream.dinie_lists import ListingFailed

Job = Callable[[Config, Database], Awaitable[int]]


def run_on_database(
    job: Job,
    *,
    config_dir: str | None,
    overrides: tuple[str, ...],
    without_file: int | None = 1,
) -> None:
    """Run a job on the database file, and exit with its code.

    Args:
        job: Takes the configuration and the open database; returns the exit code.
        config_dir: Folder of the configuration; None: where it is looked for.
        overrides: Settings of the command line.
        without_file: The exit code where no gateway has written the file yet; None:
            the job creates it.
    """
    config = configured(config_dir, overrides)
    if without_file is not None and (message := missing(config)):
        click.echo(message, err=True)
        sys.exit(without_file)
    sys.exit(asyncio.run(_guarded(job, config)))


def missing(config: Config) -> str | None:
    """Return why there is nothing to read yet; None where a gateway has written.

    The commands do not create the file: it would belong to their user, and a gateway
    that runs as another user could not write it.
    """
    path = Path(config.storage.sqlite_path).absolute()
    try:
        os.stat(path)  # noqa: PTH116 - `exists` takes every error for an absence
    except (FileNotFoundError, NotADirectoryError):
        if any(path.parent.glob(f"{glob.escape(path.name)}{MARK}*")):
            return None  # a gateway wrote intents, and could not create the file
        return (
            f"no gateway has written {path} (storage.sqlite_path) yet: "
            "there is nothing in it, or this is not the gateway's configuration"
        )
    except OSError:
        return None  # opening it fails with the reason
    return None


async def _guarded(job: Job, config: Config) -> int:
    database = open_database(
        config.storage,
        SystemClock(),
        on_quarantine=lambda name: click.echo(f"damaged; moved to {name}", err=True),
    )
    try:
        return await job(config, database)
    except (StoreUnavailable, DatabaseUnavailable, ListingFailed) as error:
        click.echo(str(error), err=True)
        return 1
    except Unreachable as error:
        click.echo(str(error), err=True)
        return 2
    finally:
        await database.close()
