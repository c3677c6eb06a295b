"""The commands of `dinie-gateway inbox` that change the inbox."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import click

from gateway.app.storage import open_inbox, open_queries
from gateway.cli.database import run_on_database
from gateway.cli.options import config_options, moment, plain
from gateway.cli.proxy_client import proxy_client
from gateway.config.schema import Config
from gateway.core.clock import SystemClock
from gateway.inbox.backfill import backfill as backfill_missed
from gateway.inbox.replay import Selection
from gateway.inbox.replay import replay as replay_chosen
from gateway.storage.database.database import Database
from gateway.storage.inbox.queries import InboxQueries
from gateway.storage.inbox.recover import recover as recover_file
from gateway.upstream.dinie_lists import GatewayLists

_EVERY: Final = 500  # deliveries between two lines of progress


def queries_of(config: Config, database: Database) -> InboxQueries:
    """Return the operator's view of the inbox in a database."""
    return open_queries(
        config.webhooks,
        database,
        environment=config.environment,
        clock=SystemClock(),
    )


def progress(what: str) -> Callable[[int], None]:
    """Return what prints how far a long command is, each time 500 more are done."""
    printed = 0

    def show(done: int) -> None:
        nonlocal printed
        if done // _EVERY > printed:
            printed = done // _EVERY
            at = datetime.fromtimestamp(SystemClock.unix(), UTC).strftime("%H:%M:%S")
            click.echo(f"{at} {what}: {done}", err=True)

    return show


@click.command()
@click.argument("webhook_id", required=False, callback=plain)
@click.option("--dead", is_flag=True, help="Every delivery that failed for good.")
@click.option(
    "--since", callback=moment, help="Every delivery received since: 2h, 3d or a date."
)
@click.option("--subscriber", callback=plain, help="For this subscriber only.")
@config_options
def replay(
    *,
    webhook_id: str | None,
    dead: bool,
    since: float | None,
    subscriber: str | None,
    **where: Any,
) -> None:
    """Make deliveries again, selection by WEBHOOK_ID, --dead or --since."""
    if (webhook_id is None and not dead and since is None) or (
        webhook_id is not None and (dead or since is not None)
    ):
        raise click.UsageError("give a WEBHOOK_ID, or --dead, or --since")
    selection = Selection(webhook_id, since, dead, subscriber)

    async def job(config: Config, database: Database) -> int:
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
        queries = queries_of(config, database)
        count = await replay_chosen(
            queries, selection, config.webhooks, on_progress=progress("replay")
        )
        click.echo(f"{count} deliveries will be made again.")
        for name in (await queries.counts()).disabled:
            if subscriber in {None, name}:
                click.echo(
                    f"{name} is disabled since it responded 410: run inbox enable "
                    f"{name}",
                    err=True,
                )
        return 0 if count else 1

    run_on_database(job, **where)


@click.command()
@click.argument("subscriber", callback=plain)
@config_options
def enable(*, subscriber: str, **where: Any) -> None:
    """Deliver again to a SUBSCRIBER that responded 410."""

    async def job(config: Config, database: Database) -> int:
        if await queries_of(config, database).enable(subscriber):
            click.echo(f"{subscriber} gets its deliveries again.")
            return 0
        click.echo(f"{subscriber} is not disabled.", err=True)
        return 1

    run_on_database(job, **where)


@click.command()
@click.argument("old", callback=plain)
@click.argument("new", callback=plain)
@config_options
def rename(*, old: str, new: str, **where: Any) -> None:
    """Assign the deliveries of OLD, a subscriber that is gone, to NEW."""

    async def job(config: Config, database: Database) -> int:
        names = {one.name for one in config.webhooks.subscribers}
        if old in names or new not in names:
            click.echo(
                "webhooks.subscribers must have the new name, and not the old", err=True
            )
            return 2
        count = await queries_of(config, database).rename(old, new)
        click.echo(f"{count} deliveries are {new}'s now.")
        return 0

    run_on_database(job, **where)


@click.command()
@click.argument("subscriber", callback=plain)
@config_options
def drop(*, subscriber: str, **where: Any) -> None:
    """Give up the pending and dead deliveries of a SUBSCRIBER that is gone."""

    async def job(config: Config, database: Database) -> int:
        if subscriber in {one.name for one in config.webhooks.subscribers}:
            click.echo("remove it from webhooks.subscribers first", err=True)
            return 2
        count = await queries_of(config, database).drop(subscriber)
        click.echo(f"{count} deliveries are given up.")
        return 0

    run_on_database(job, **where)


@click.command()
@click.option("--since", callback=moment, required=True, help="2h, 3d or a date.")
@config_options
def backfill(*, since: float, **where: Any) -> None:
    """Create the events that were missed, from Dinie's lists.

    Reads the lists through the gateway on this host, at background priority.
    """

    async def job(config: Config, database: Database) -> int:
        clock = SystemClock()
        inbox = open_inbox(
            config.webhooks,
            database,
            environment=config.environment,
            clock=clock,
            owner="backfill",
        )
        async with proxy_client(config) as gateway:
            found = await backfill_missed(
                GatewayLists(gateway.base_url, gateway.session, clock=clock),
                inbox,
                queries_of(config, database),
                config.webhooks,
                since=since,
                now=clock.unix,
                on_progress=progress("backfill"),
            )
        click.echo(
            f"{found.examined} looked at, {found.missing} transitions missed, "
            f"{found.made} made now."
        )
        click.echo(
            "Dinie has no list of loans: a loan without any event is not found.",
            err=True,
        )
        return 0

    run_on_database(job, without_file=None, **where)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@config_options
def recover(*, file: str, **where: Any) -> None:
    """Copy what can be read of a damaged FILE that was moved aside."""

    async def job(_: Config, database: Database) -> int:
        found = await recover_file(database, file, on_progress=progress("recover"))
        click.echo(
            f"{found.read} read, {found.brought} brought over; "
            f"{'the file is whole' if found.whole else 'the rest cannot be read'}."
        )
        return 0 if found.read or found.whole else 1

    run_on_database(job, without_file=None, **where)
