"""`dinie-gateway inbox`: the group, and the commands that only read the inbox."""

from typing import Any, Final

import click
import orjson

from gateway.cli import inbox_actions
from gateway.cli.database import run_on_database
from gateway.cli.inbox_actions import queries_of
from gateway.cli.options import config_options, plain
from gateway.config.schema import Config
from gateway.core.clock import SystemClock
from gateway.core.timestamps import iso_of
from gateway.inbox.masking import entity, masked
from gateway.storage.database.database import Database

_STATES: Final = ("pending", "delivering", "delivered", "dead")


@click.group()
def inbox() -> None:
    """List, show and repeat the deliveries of the webhook inbox.

    Works beside a running gateway, on the same file.
    """


@inbox.command("list")
@click.option(
    "--state", type=click.Choice(_STATES), help="Only with a delivery in this state."
)
@click.option(
    "--type",
    "event_type",
    callback=plain,
    help="Only of this type, such as loan.active.",
)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@config_options
def list_(
    *, state: str | None, event_type: str | None, limit: int, **where: Any
) -> None:
    """List the events that were received, newest first."""

    async def job(config: Config, database: Database) -> int:
        found = await queries_of(config, database).listed(
            state=state, event_type=event_type, before=None, most=limit
        )
        for one in found:
            deliveries = ", ".join(
                f"{each['subscriber']} {each['state']} ({each['tries']})"
                for each in one["deliveries"]
            )
            click.echo(
                f"{iso_of(one['received'])}  {one['webhook_id']}  {one['event_type']}"
                f"  {deliveries or 'no subscriber'}"
            )
        if not found:
            click.echo("Nothing.", err=True)
        return 0

    run_on_database(job, without_file=0, **where)


@inbox.command()
@click.argument("webhook_id", callback=plain)
@click.option("--reveal", is_flag=True, help="Show personal data.")
@config_options
def show(*, webhook_id: str, reveal: bool, **where: Any) -> None:
    """Show one event, its personal data masked."""

    async def job(config: Config, database: Database) -> int:
        one = await queries_of(config, database).one(webhook_id)
        if one is None:
            click.echo("There is no event of this id.", err=True)
            return 1
        body = one.pop("body")
        if not reveal:
            one["entity"] = entity(one["entity"])
        if reveal:
            shown = body.decode("utf-8", "backslashreplace")
        else:
            shown = orjson.dumps(masked(body), option=orjson.OPT_INDENT_2).decode()
        click.echo(orjson.dumps(one, option=orjson.OPT_INDENT_2).decode())
        click.echo(shown)
        return 0

    run_on_database(job, **where)


@inbox.command()
@config_options
def stats(**where: Any) -> None:
    """Print how many events and deliveries there are."""

    async def job(config: Config, database: Database) -> int:
        queries = queries_of(config, database)
        counts = await queries.counts()
        oldest = "-"
        if counts.oldest is not None:
            oldest = f"{SystemClock.unix() - counts.oldest:.0f} s"
        click.echo(f"events      {await queries.events()}")
        click.echo(f"pending     {counts.pending}")
        click.echo(f"delivering  {counts.delivering}")
        click.echo(f"dead        {counts.dead}")
        click.echo(f"oldest      {oldest}")
        click.echo(f"disabled    {', '.join(counts.disabled) or '-'}")
        for name, count in counts.unknown.items():
            click.echo(
                f"{count} of {name}, which is not in webhooks.subscribers: "
                "run inbox rename or inbox drop",
                err=True,
            )
        return 0

    run_on_database(job, without_file=0, **where)


for _name in ("replay", "enable", "rename", "drop", "backfill", "recover"):
    inbox.add_command(getattr(inbox_actions, _name))
