"""`dinie-gateway ledger`: lists and settles POSTs whose outcome nobody knows."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
from aiohttp import ClientError
from yarl import URL

from gateway.app.storage import open_database
from gateway.cli.options import config_options, configured
from gateway.cli.proxy_client import (
    ProxyClient,
    Unreachable,
    no_answer,
    proxy_client,
)
from gateway.cli.storage_file import missing
from gateway.config.schema import Config
from gateway.core.clock import SystemClock
from gateway.core.timestamps import iso_of
from gateway.idempotency.scope import parts, shown
from gateway.storage.database.database import DatabaseUnavailable
from gateway.storage.ledger.journal import REMEMBERED, SqliteLedger

_REFUSED: Final = 400
_LATE: Final = 60.0  # s behind the longest deadline; then nobody waits for a response
Job = Callable[[Config, SqliteLedger], Awaitable[int]]


@click.group()
def ledger() -> None:
    """List the POSTs whose outcome nobody knows, and settle them.

    Works beside a running gateway, on the same file.
    """


@ledger.command("list")
@config_options
def list_(**where: Any) -> None:
    """List them, oldest first; exit code 1 where there is one."""

    async def job(config: Config, kept: SqliteLedger) -> int:
        found = await kept.unknown()
        before = SystemClock.unix() - config.deadline.maximum - _LATE
        known = {one.key for one in found}
        left = [
            one for one in await kept.abandoned(before=before) if one.key not in known
        ]
        for one in (*found, *left):
            click.echo(
                f"{iso_of(one.created)}  POST {one.route}  {shown(one.key)}  "
                f"request {one.request_id}"
            )
        if left:
            click.echo(
                f"The last {len(left)} were under way when their gateway ended: start "
                "it again, and they can be resolved.",
                err=True,
            )
        if not (found or left):
            click.echo("Every outcome is known.", err=True)
        return 1 if found or left else 0

    _run(job, none_yet=0, **where)


@ledger.command()
@click.argument("key", required=False)
@click.option("--done", is_flag=True, help="Somebody looked at Dinie: it is settled.")
@click.option(
    "--route", help="With --done instead of a KEY: all of this route, as list shows it."
)
@click.option(
    "--body",
    type=click.Path(exists=True, dir_okay=False),
    help="File of the request's body: it is sent again under the same key.",
)
@click.option("--path", help="Of the request, where its route has an id in it.")
@click.option("--content-type", default="application/json", show_default=True)
@config_options
def resolve(
    *,
    key: str | None,
    done: bool,
    route: str | None,
    body: str | None,
    path: str | None,
    content_type: str,
    **where: Any,
) -> None:
    """Settle one by its KEY: ask Dinie again (--body), or say that it is (--done).

    Dinie answers a key that it knows from its memory, for 24 hours, and executes
    nothing twice. The gateway refuses another body than the first. After an outage,
    --done --route ROUTE settles all of a route that somebody has looked through.
    """
    if (key is None) == (route is None):
        raise click.UsageError("give a KEY, or --done with --route ROUTE")
    if done == (body is not None):
        raise click.UsageError("give --body FILE, or --done")
    if key is None and not done:
        raise click.UsageError("--route goes with --done only")
    if key is None:
        _run(partial(_settle_route, str(route)), **where)
    else:
        _run(partial(_settle_one, key, body, path, content_type), **where)


async def _settle_route(route: str, _: Config, kept: SqliteLedger) -> int:
    keys = [one.key for one in await kept.unknown() if one.route == route]
    if not keys:
        click.echo(f"No outcome of POST {route} is unknown.", err=True)
        return 1
    settled = [key for key in keys if await kept.settle(key)]
    click.echo(f"Settled: {len(settled)} of POST {route}.")
    return 0


async def _settle_one(  # noqa: PLR0917 - bound one after another
    key: str,
    body: str | None,
    path: str | None,
    content_type: str,
    config: Config,
    kept: SqliteLedger,
) -> int:
    # As it is written in the ledger, or else as `list` shows it.
    every = await kept.unknown()
    found = {shown(one.key): one for one in every} | {one.key: one for one in every}
    if key not in found:
        click.echo("There is no unknown outcome under this key.", err=True)
        return 1
    post = found[key]
    if body is None:
        settled = await kept.settle(post.key)
        click.echo("Settled." if settled else "Somebody else settled it.")
        return 0
    if SystemClock.unix() - post.created > REMEMBERED:
        click.echo(
            "It is over a day old: Dinie has forgotten the key, and would execute "
            "it again. Look whether it is there, then --done.",
            err=True,
        )
        return 1
    target = path or post.route
    if "{" in target:
        click.echo(f"{target} has an id in it: give --path", err=True)
        return 2
    content = await asyncio.to_thread(Path(body).read_bytes)
    caller, own_key = parts(post.key)
    headers = {"Idempotency-Key": own_key, "Content-Type": content_type}
    try:
        async with proxy_client(config, caller=caller or None) as gateway:
            return await _ask(gateway, target, headers, content)
    except Unreachable as error:
        click.echo(f"resolve: {error}", err=True)
        return 2


async def _ask(
    gateway: ProxyClient, target: str, headers: dict[str, str], content: bytes
) -> int:
    """Send a request again through the gateway that runs here; return the exit code."""
    try:
        async with gateway.session.post(
            URL(f"{gateway.base_url}{target}", encoded=True),
            data=content,
            headers=headers,
            allow_redirects=False,
        ) as answer:
            status = answer.status
            slug = answer.headers.get("X-Gateway-Error")
    except (ClientError, OSError, TimeoutError) as error:
        click.echo(no_answer(gateway, error), err=True)
        return 1
    if slug is not None or status >= _REFUSED:
        click.echo(f"Not settled: {slug or f'Dinie answered {status}'}.", err=True)
        return 1
    click.echo(f"Settled: Dinie answered {status}.")
    return 0


def _run(
    job: Job, *, config_dir: str | None, overrides: tuple[str, ...], none_yet: int = 1
) -> None:
    """Run a job, and exit with its code; `none_yet`: where there is no file."""
    config = configured(config_dir, overrides)
    if said := missing(config):
        click.echo(said, err=True)
        sys.exit(none_yet)
    sys.exit(asyncio.run(_guarded(job, config)))


async def _guarded(job: Job, config: Config) -> int:
    clock = SystemClock()
    database = open_database(config.storage, clock, on_quarantine=lambda _: None)
    kept = SqliteLedger(
        database,
        environment=config.environment,
        clock=clock,
        on_failure=lambda reason: click.echo(reason, err=True),
    )
    try:
        return await job(config, kept)
    except DatabaseUnavailable as error:
        click.echo(str(error), err=True)
        return 1
    finally:
        await database.close()
