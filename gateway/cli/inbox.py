"""`dinie-gateway inbox`: what came, what waits, and again."""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import click
import orjson
from aiohttp import ClientSession

from gateway.cli.options import config_options, configured
from gateway.clock import SystemClock
from gateway.config.schema import Config
from gateway.inbox.backfill import backfill as compare
from gateway.inbox.mask import masked
from gateway.inbox.ports import StoreUnavailable
from gateway.inbox.replay import Chosen
from gateway.inbox.replay import replay as make_again
from gateway.mailroom import open_database, open_inbox
from gateway.moment import iso_of, unix_of
from gateway.storage.desk import Desk
from gateway.storage.recover import recover as bring_over
from gateway.storage.sqlite import Database, DatabaseUnavailable
from gateway.upstream.listing import GatewayLists, ListingFailed

_SPAN: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_STATES: Final = ("pending", "delivering", "delivered", "dead")
Job = Callable[[Config, Database, Desk], Awaitable[int]]


def _since(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """Return a moment, Unix, s: of `90s`, `15m`, `2h`, `3d`, or of a date and time."""
    if value is None:
        return None
    if span := _SPAN.fullmatch(value):
        return SystemClock.unix() - int(span[1]) * _UNITS[span[2]]
    moment = unix_of(value)
    if moment is None:
        raise click.BadParameter("must be 90s, 15m, 2h, 3d or 2026-11-24T08:00:00Z")
    return moment


@click.group()
def inbox() -> None:
    """Look into the webhook inbox, and have deliveries made again.

    Works beside a running gateway, on the same file.
    """


@inbox.command("list")
@click.option("--state", type=click.Choice(_STATES), help="With such a delivery.")
@click.option("--type", "event_type", help="Such as loan.active.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@config_options
def list_(
    *, state: str | None, event_type: str | None, limit: int, **where: Any
) -> None:
    """List what came, newest first."""

    async def job(_: Config, __: Database, desk: Desk) -> int:
        found = await desk.listed(
            state=state, event_type=event_type, before=None, most=limit
        )
        for one in found:
            brought = ", ".join(
                f"{each['subscriber']} {each['state']} ({each['tries']})"
                for each in one["deliveries"]
            )
            click.echo(
                f"{iso_of(one['received'])}  {one['webhook_id']}  {one['event_type']}"
                f"  {brought or 'nobody wants it'}"
            )
        if not found:
            click.echo("Nothing.", err=True)
        return 0

    _run(job, **where)


@inbox.command()
@click.argument("webhook_id")
@click.option("--reveal", is_flag=True, help="Show personal data.")
@config_options
def show(*, webhook_id: str, reveal: bool, **where: Any) -> None:
    """Show one, its personal data masked."""

    async def job(_: Config, __: Database, desk: Desk) -> int:
        one = await desk.one(webhook_id)
        if one is None:
            click.echo("There is none of this id.", err=True)
            return 1
        body = one.pop("body")
        if reveal:
            shown = body.decode("utf-8", "backslashreplace")
        else:
            shown = orjson.dumps(masked(body), option=orjson.OPT_INDENT_2).decode()
        click.echo(orjson.dumps(one, option=orjson.OPT_INDENT_2).decode())
        click.echo(shown)
        return 0

    _run(job, **where)


@inbox.command()
@config_options
def stats(**where: Any) -> None:
    """Say how full it is."""

    async def job(_: Config, __: Database, desk: Desk) -> int:
        counts = await desk.counts()
        oldest = "-"
        if counts.oldest is not None:
            oldest = f"{SystemClock.unix() - counts.oldest:.0f} s"
        click.echo(f"events      {await desk.events()}")
        click.echo(f"pending     {counts.pending}")
        click.echo(f"delivering  {counts.delivering}")
        click.echo(f"dead        {counts.dead}")
        click.echo(f"oldest      {oldest}")
        click.echo(f"disabled    {', '.join(counts.disabled) or '-'}")
        return 0

    _run(job, **where)


@inbox.command()
@click.argument("webhook_id", required=False)
@click.option("--dead", is_flag=True, help="All that failed for good.")
@click.option("--since", callback=_since, help="What came since: 2h, 3d or a moment.")
@click.option("--subscriber", help="To this one only.")
@config_options
def replay(
    *,
    webhook_id: str | None,
    dead: bool,
    since: float | None,
    subscriber: str | None,
    **where: Any,
) -> None:
    """Have deliveries made again: by WEBHOOK_ID, --dead or --since."""
    if (webhook_id is None and not dead and since is None) or (
        webhook_id is not None and (dead or since is not None)
    ):
        raise click.UsageError("give a WEBHOOK_ID, or --dead, or --since")
    chosen = Chosen(webhook_id, since, dead, subscriber)

    async def job(config: Config, _: Database, desk: Desk) -> int:
        names = {one.name for one in config.webhooks.subscribers}
        if not names:
            click.echo(
                "webhooks.subscribers is empty here: give the gateway's configuration",
                err=True,
            )
            return 2
        if subscriber is not None and subscriber not in names:
            click.echo(f"webhooks.subscribers has no {subscriber}", err=True)
            return 2
        count = await make_again(
            desk, chosen, config.webhooks, on_progress=partial(_progress, "replay")
        )
        click.echo(f"{count} deliveries will be made again.")
        return 0 if count else 1

    _run(job, **where)


@inbox.command()
@click.argument("subscriber")
@config_options
def enable(*, subscriber: str, **where: Any) -> None:
    """Deliver again to a SUBSCRIBER that answered 410."""

    async def job(_: Config, __: Database, desk: Desk) -> int:
        if await desk.enable(subscriber):
            click.echo(f"{subscriber} gets its deliveries again.")
            return 0
        click.echo(f"{subscriber} is not disabled.", err=True)
        return 1

    _run(job, **where)


@inbox.command()
@click.option("--since", callback=_since, required=True, help="2h, 3d or a moment.")
@config_options
def backfill(*, since: float, **where: Any) -> None:
    """Make the events that were missed, from what Dinie lists.

    Asks Dinie through the gateway that runs here, at background priority.
    """

    async def job(config: Config, database: Database, desk: Desk) -> int:
        proxy = config.listen.proxy
        if proxy.host is None or not proxy.port:
            click.echo("backfill needs listen.proxy as host:port", err=True)
            return 2
        prefix = next(iter(config.upstream.accepted_prefixes), "")
        clock = SystemClock()
        async with ClientSession() as session:
            lists = GatewayLists(f"http://{proxy}{prefix}", session, clock=clock)
            found = await compare(
                lists,
                open_inbox(config, database, clock),
                desk,
                config.webhooks,
                since=since,
                now=clock.unix,
                on_progress=lambda count: _progress("backfill", count, None),
            )
        click.echo(
            f"{found.looked_at} looked at, {found.missing} transitions missed, "
            f"{found.made} made now."
        )
        return 0

    _run(job, **where)


@inbox.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@config_options
def recover(*, file: str, **where: Any) -> None:
    """Bring over what can be read of a damaged FILE that was moved aside."""

    async def job(_: Config, database: Database, __: Desk) -> int:
        found = await bring_over(
            database, file, on_progress=lambda count: _progress("recover", count, None)
        )
        click.echo(
            f"{found.read} read, {found.brought} brought over; "
            f"{'the file is whole' if found.whole else 'the rest cannot be read'}."
        )
        return 0

    _run(job, **where)


def _run(job: Job, *, config_dir: str | None, overrides: tuple[str, ...]) -> None:
    config = configured(config_dir, overrides)
    sys.exit(asyncio.run(_guarded(job, config)))


async def _guarded(job: Job, config: Config) -> int:
    clock = SystemClock()
    database = open_database(
        config,
        clock,
        on_quarantine=lambda name: click.echo(f"damaged; moved to {name}", err=True),
    )
    try:
        return await job(config, database, Desk(database, clock=clock))
    except (StoreUnavailable, DatabaseUnavailable, ListingFailed) as error:
        click.echo(str(error), err=True)
        return 1
    finally:
        await database.close()


def _progress(what: str, done: int, of: int | None) -> None:
    if done % 500 == 0 or done == of:
        at = datetime.fromtimestamp(SystemClock.unix(), UTC).strftime("%H:%M:%S")
        total = "" if of is None else f" of {of}"
        click.echo(f"{at} {what}: {done}{total}", err=True)
