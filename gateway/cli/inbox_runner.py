"""What do the commands of `dinie-gateway inbox` have in common?"""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import click

from gateway.app.storage import open_database, open_queries
from gateway.cli.options import configured
from gateway.cli.proxy_client import Unreachable
from gateway.cli.storage_file import missing
from gateway.config.schema import Config
from gateway.core.clock import SystemClock
from gateway.core.timestamps import unix_of
from gateway.inbox.ports import StoreUnavailable
from gateway.storage.database.database import Database, DatabaseUnavailable
from gateway.storage.inbox.queries import Desk
from gateway.upstream.dinie_lists import ListingFailed

_SPAN: Final = re.compile(r"(\d{1,6})([smhd])")
_EVERY: Final = 500
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
Job = Callable[[Config, Database, Desk], Awaitable[int]]


def since(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """Return a moment, Unix, s: of `90s`, `15m`, `2h`, `3d`, or of a date and time."""
    if value is None:
        return None
    if span := _SPAN.fullmatch(value):
        return SystemClock.unix() - int(span[1]) * _UNITS[span[2]]
    moment = unix_of(value)
    if moment is None:
        raise click.BadParameter("must be 90s, 15m, 2h, 3d or 2026-11-24T08:00:00Z")
    return moment


def run(
    job: Job,
    *,
    config_dir: str | None,
    overrides: tuple[str, ...],
    none_yet: int | None = 1,
) -> None:
    """Run a job on the file of the configuration, and exit with its code.

    Args:
        job: What to do.
        config_dir: Of the configuration.
        overrides: Of the configuration.
        none_yet: The code where there is no file yet; None: the job makes one.
    """
    config = configured(config_dir, overrides)
    if none_yet is not None and (said := missing(config)):
        click.echo(said, err=True)
        sys.exit(none_yet)
    sys.exit(asyncio.run(_guarded(job, config)))


async def _guarded(job: Job, config: Config) -> int:
    clock = SystemClock()
    database = open_database(
        config.storage,
        clock,
        on_quarantine=lambda name: click.echo(f"damaged; moved to {name}", err=True),
    )
    queries = open_queries(
        config.webhooks, database, environment=config.environment, clock=clock
    )
    try:
        return await job(config, database, queries)
    except (StoreUnavailable, DatabaseUnavailable, ListingFailed) as error:
        click.echo(str(error), err=True)
        return 1
    except Unreachable as error:
        click.echo(str(error), err=True)
        return 2
    finally:
        await database.close()


def progress(what: str) -> Callable[[int], None]:
    """Return what says how far something long is, each time 500 more are done."""
    said = 0

    def tell(done: int) -> None:
        nonlocal said
        if done // _EVERY > said:
            said = done // _EVERY
            at = datetime.fromtimestamp(SystemClock.unix(), UTC).strftime("%H:%M:%S")
            click.echo(f"{at} {what}: {done}", err=True)

    return tell
