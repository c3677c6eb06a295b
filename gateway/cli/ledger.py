"""`dinie-gateway ledger`: lists and settles the POSTs whose outcome is unknown."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
from aiohttp import ClientError
from yarl import URL

from gateway.cli.database import run_on_database
from gateway.cli.options import config_options
from gateway.cli.proxy_client import ProxyClient, no_response, proxy_client
from gateway.config.schema import Config
from gateway.core.clock import SystemClock
from gateway.core.timestamps import iso_of
from gateway.idempotency.scope import parts, shown
from gateway.storage.database.database import Database
from gateway.storage.ledger.ledger import REMEMBERED, SqliteLedger

_FIRST_ERROR: Final = 400
_LATE: Final = 60.0  # s after the longest deadline, when no gateway waits any more


@click.group()
def ledger() -> None:
    """List the POSTs whose outcome is unknown, and settle them.

    Works beside a running gateway, on the same file.
    """


@ledger.command("list")
@config_options
def list_(**where: Any) -> None:
    """List them, oldest first; exit code 1 if there is one."""

    async def job(config: Config, database: Database) -> int:
        kept = _open(config, database)
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
                "it again to resolve them.",
                err=True,
            )
        if not (found or left):
            click.echo("Every outcome is known.", err=True)
        return 1 if found or left else 0

    run_on_database(job, without_file=0, **where)


@ledger.command()
@click.argument("key", required=False)
@click.option("--done", is_flag=True, help="You looked it up at Dinie: it is settled.")
@click.option(
    "--route",
    help="With --done, instead of a KEY: every POST of this route, as listed.",
)
@click.option(
    "--body",
    type=click.Path(exists=True, dir_okay=False),
    help="File with the body of the request, which is sent again with its key.",
)
@click.option("--path", help="Path of the request, if its route has an id in it.")
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
    """Settle one by its KEY: send it again (--body), or mark it as settled (--done).

    For 24 hours Dinie replays the response of a key that it knows and executes nothing
    twice. The gateway refuses a body other than the first. After an outage, --done
    --route ROUTE settles every POST of a route that you have looked through.
    """
    if (key is None) == (route is None):
        raise click.UsageError("give a KEY, or --done with --route ROUTE")
    if done == (body is not None):
        raise click.UsageError("give --body FILE, or --done")
    if key is None and not done:
        raise click.UsageError("--route goes with --done only")
    if key is None:
        run_on_database(partial(_settle_route, str(route)), **where)
    else:
        run_on_database(partial(_settle_one, key, body, path, content_type), **where)


async def _settle_route(route: str, config: Config, database: Database) -> int:
    kept = _open(config, database)
    keys = [one.key for one in await kept.unknown() if one.route == route]
    if not keys:
        click.echo(f"No outcome of POST {route} is unknown.", err=True)
        return 1
    settled = [key for key in keys if await kept.resolve(key)]
    click.echo(f"Settled: {len(settled)} of POST {route}.")
    return 0


async def _settle_one(  # noqa: PLR0917 - bound one after another
    key: str,
    body: str | None,
    path: str | None,
    content_type: str,
    config: Config,
    database: Database,
) -> int:
    kept = _open(config, database)
    # A key is accepted as the ledger has it, and as `list` shows it.
    every = await kept.unknown()
    found = {shown(one.key): one for one in every} | {one.key: one for one in every}
    if key not in found:
        click.echo("There is no unknown outcome under this key.", err=True)
        return 1
    post = found[key]
    if body is None:
        settled = await kept.resolve(post.key)
        click.echo("Settled." if settled else "It is settled already.")
        return 0
    if SystemClock.unix() - post.created > REMEMBERED:
        click.echo(
            "It is over a day old: Dinie has forgotten the key and would execute it "
            "again. Look it up at Dinie, then use --done.",
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
    async with proxy_client(config, caller=caller or None) as gateway:
        return await _send_again(gateway, target, headers, content)


async def _send_again(
    gateway: ProxyClient, target: str, headers: dict[str, str], content: bytes
) -> int:
    """Send a request again through the gateway on this host; return the exit code."""
    try:
        async with gateway.session.post(
            URL(f"{gateway.base_url}{target}", encoded=True),
            data=content,
            headers=headers,
            allow_redirects=False,
        ) as response:
            status = response.status
            slug = response.headers.get("X-Gateway-Error")
    except (ClientError, OSError, TimeoutError) as error:
        click.echo(no_response(gateway, error), err=True)
        return 1
    if slug is not None or status >= _FIRST_ERROR:
        click.echo(f"Not settled: {slug or f'Dinie responded {status}'}.", err=True)
        return 1
    click.echo(f"Settled: Dinie responded {status}.")
    return 0


def _open(config: Config, database: Database) -> SqliteLedger:
    return SqliteLedger(
        database,
        environment=config.environment,
        clock=SystemClock(),
        on_failure=lambda reason: click.echo(reason, err=True),
    )
