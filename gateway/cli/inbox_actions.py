"""`dinie-gateway inbox`: the commands that change something."""

from typing import Any

import click

from gateway.app.storage import open_inbox
from gateway.cli.inbox_runner import progress, run, since
from gateway.cli.options import config_options, plain
from gateway.cli.proxy_client import proxy_client
from gateway.config.schema import Config
from gateway.core.clock import SystemClock
from gateway.inbox.backfill import backfill as compare
from gateway.inbox.replay import Chosen
from gateway.inbox.replay import replay as make_again
from gateway.storage.database.database import Database
from gateway.storage.inbox.queries import Desk
from gateway.storage.inbox.recover import recover as bring_over
from gateway.upstream.dinie_lists import GatewayLists


@click.command()
@click.argument("webhook_id", required=False, callback=plain)
@click.option("--dead", is_flag=True, help="All that failed for good.")
@click.option("--since", callback=since, help="What came since: 2h, 3d or a moment.")
@click.option("--subscriber", callback=plain, help="To this one only.")
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
            desk, chosen, config.webhooks, on_progress=progress("replay")
        )
        click.echo(f"{count} deliveries will be made again.")
        counts = await desk.counts()
        for name in counts.disabled:
            if subscriber in {None, name}:
                click.echo(
                    f"{name} said 410 and gets nothing: inbox enable {name}", err=True
                )
        return 0 if count else 1

    run(job, **where)


@click.command()
@click.argument("subscriber", callback=plain)
@config_options
def enable(*, subscriber: str, **where: Any) -> None:
    """Deliver again to a SUBSCRIBER that answered 410."""

    async def job(_: Config, __: Database, desk: Desk) -> int:
        if await desk.enable(subscriber):
            click.echo(f"{subscriber} gets its deliveries again.")
            return 0
        click.echo(f"{subscriber} is not disabled.", err=True)
        return 1

    run(job, **where)


@click.command()
@click.argument("old", callback=plain)
@click.argument("new", callback=plain)
@config_options
def rename(*, old: str, new: str, **where: Any) -> None:
    """Give the deliveries of OLD, which is gone, to NEW."""

    async def job(config: Config, _: Database, desk: Desk) -> int:
        names = {one.name for one in config.webhooks.subscribers}
        if old in names or new not in names:
            click.echo(
                "webhooks.subscribers must have the new name, and not the old", err=True
            )
            return 2
        click.echo(f"{await desk.rename(old, new)} deliveries are {new}'s now.")
        return 0

    run(job, **where)


@click.command()
@click.argument("subscriber", callback=plain)
@config_options
def drop(*, subscriber: str, **where: Any) -> None:
    """Give up what waits for a SUBSCRIBER that is gone, and what failed."""

    async def job(config: Config, _: Database, desk: Desk) -> int:
        if subscriber in {one.name for one in config.webhooks.subscribers}:
            click.echo("take it out of webhooks.subscribers first", err=True)
            return 2
        click.echo(f"{await desk.drop(subscriber)} deliveries are given up.")
        return 0

    run(job, **where)


@click.command()
@click.option("--since", callback=since, required=True, help="2h, 3d or a moment.")
@config_options
def backfill(*, since: float, **where: Any) -> None:
    """Make the events that were missed, from what Dinie lists.

    Asks Dinie through the gateway that runs here, at background priority.
    """

    async def job(config: Config, database: Database, desk: Desk) -> int:
        clock = SystemClock()
        async with proxy_client(config) as gateway:
            lists = GatewayLists(gateway.base_url, gateway.session, clock=clock)
            found = await compare(
                lists,
                open_inbox(
                    config.webhooks,
                    database,
                    environment=config.environment,
                    clock=clock,
                    owner="backfill",
                ),
                desk,
                config.webhooks,
                since=since,
                now=clock.unix,
                on_progress=progress("backfill"),
            )
        click.echo(
            f"{found.looked_at} looked at, {found.missing} transitions missed, "
            f"{found.made} made now."
        )
        click.echo(
            "Dinie has no list of loans: those that no event told of are not known.",
            err=True,
        )
        return 0

    run(job, none_yet=None, **where)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@config_options
def recover(*, file: str, **where: Any) -> None:
    """Bring over what can be read of a damaged FILE that was moved aside."""

    async def job(_: Config, database: Database, __: Desk) -> int:
        found = await bring_over(database, file, on_progress=progress("recover"))
        click.echo(
            f"{found.read} read, {found.brought} brought over; "
            f"{'the file is whole' if found.whole else 'the rest cannot be read'}."
        )
        return 0 if found.read or found.whole else 1

    run(job, none_yet=None, **where)
