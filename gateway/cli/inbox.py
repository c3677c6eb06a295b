"""`dinie-gateway inbox`: what came, what waits, and again."""

from typing import Any, Final

import click
import orjson

from gateway.cli import inbox_actions as inbox_acts
from gateway.cli.inbox_runner import run
from gateway.cli.options import config_options, plain
from gateway.config.schema import Config
from gateway.core.clock import SystemClock
from gateway.core.timestamps import iso_of
from gateway.inbox.masking import entity, masked
from gateway.storage.database.database import Database
from gateway.storage.inbox.queries import Desk

_STATES: Final = ("pending", "delivering", "delivered", "dead")


@click.group()
def inbox() -> None:
    """Look into the webhook inbox, and have deliveries made again.

    Works beside a running gateway, on the same file.
    """


@inbox.command("list")
@click.option("--state", type=click.Choice(_STATES), help="With such a delivery.")
@click.option("--type", "event_type", callback=plain, help="Such as loan.active.")
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

    run(job, none_yet=0, **where)


@inbox.command()
@click.argument("webhook_id", callback=plain)
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
        if not reveal:
            one["entity"] = entity(one["entity"])
        if reveal:
            shown = body.decode("utf-8", "backslashreplace")
        else:
            shown = orjson.dumps(masked(body), option=orjson.OPT_INDENT_2).decode()
        click.echo(orjson.dumps(one, option=orjson.OPT_INDENT_2).decode())
        click.echo(shown)
        return 0

    run(job, **where)


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
        for name, count in counts.unknown.items():
            click.echo(
                f"{count} of {name}, which is not in webhooks.subscribers: "
                "inbox rename, or inbox drop",
                err=True,
            )
        return 0

    run(job, none_yet=0, **where)


for _act in ("replay", "enable", "rename", "drop", "backfill", "recover"):
    inbox.add_command(getattr(inbox_acts, _act))
