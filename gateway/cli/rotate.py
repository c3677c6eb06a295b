"""`dinie-gateway rotate`: replaces Dinie's credential or webhook secret in steps."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from functools import partial

import click

from gateway.app.rotation import (
    UnusableFile,
    build_context,
    open_dinie,
    open_vault,
    run_name,
)
from gateway.cli.options import config_options, configured
from gateway.cli.termination import Terminated, Termination
from gateway.config.schema import Config
from gateway.core.clock import SystemClock
from gateway.core.timestamps import utc
from gateway.rotation import policy
from gateway.rotation.lock import Lock, LockHeld, damaged
from gateway.rotation.loss import explain_loss, read_loss
from gateway.rotation.ports import Conflict, StepFailed
from gateway.rotation.rotation import Progress, Rotation
from gateway.rotation.webhook_secret import SeveralEndpoints, WebhookRotation, describe

_LONGEST_SLEEP = 300.0  # s
_SHORTEST_SLEEP = 0.05  # s


@click.command()
@click.argument(
    "what", type=click.Choice(["credential", "webhook-secret"]), default="credential"
)
@click.option("--now", is_flag=True, help="Begin even if none is due.")
@click.option("--wait", is_flag=True, help="Wait until the rotation is complete.")
@click.option("--dry-run", is_flag=True, help="Print the plan with its dates.")
@click.option("--status", is_flag=True, help="Print the state of a rotation.")
@click.option("--abort", is_flag=True, help="Roll back, and revoke the new credential.")
@click.option(
    "--break-lock",
    is_flag=True,
    help="Release the lock of a run that has died; change nothing else.",
)
@config_options
def rotate(
    *,
    what: str,
    now: bool,
    wait: bool,
    dry_run: bool,
    status: bool,
    abort: bool,
    break_lock: bool,
    config_dir: str | None,
    overrides: tuple[str, ...],
) -> None:
    """Replace Dinie's credential or webhook secret: begin if due, or continue.

    Goes as far as it can now, and prints what comes next and when. A later run
    continues from there.
    """
    alone = (dry_run, status, abort, break_lock)
    if sum(alone) > 1 or (now and any(alone)):
        raise click.UsageError(
            "--now, --dry-run, --status, --abort and --break-lock exclude another"
        )
    webhook = what == "webhook-secret"
    if webhook and (abort or dry_run):
        raise click.UsageError("a webhook secret has no way back, and no plan")
    config = configured(config_dir, overrides)
    if (fault := _unrotatable(config)) is not None:
        click.echo(fault, err=True)
        sys.exit(2)
    termination = Termination()
    advance = partial(_advance, termination.pause, wait=wait)
    jobs: list[tuple[bool, Callable[[Config], Awaitable[int]]]] = [
        (status, partial(_status, webhook=webhook)),
        (dry_run, _plan),
        (break_lock, _break_lock),
        (abort, partial(advance, abort=True)),
    ]
    chosen = next((job for wanted, job in jobs if wanted), None)
    job = chosen or partial(advance, now=now, webhook=webhook)
    # An --abort that another run's lock prevents has failed; other runs can wait.
    guarded = _guarded(job, config, held=int(abort))
    sys.exit(asyncio.run(termination.run(guarded)))


def _unrotatable(config: Config) -> str | None:
    if config.secrets.provider != "vault":
        return "secrets.provider: a rotation needs vault; the others cannot be written"
    if config.secrets.vault.kv_version != 2:  # noqa: PLR2004
        return "secrets.vault.kv_version: a rotation needs 2, which has check-and-set"
    follow = policy.settle(config.secrets.vault.refresh)
    if config.environment != "local" and config.rotation.soak < follow:
        return (
            f"rotation.soak: gateways need {follow:.0f} s to follow "
            "(secrets.vault.refresh): set at least that"
        )
    return None


async def _guarded(
    job: Callable[[Config], Awaitable[int]], config: Config, *, held: int
) -> int:
    """Run a job and print why it stopped.

    Args:
        job: Takes the configuration; returns its exit code.
        config: Of the gateway.
        held: The exit code where another run has the lock.

    Returns:
        The exit code; 2 where a file or an endpoint of the configuration is unusable.
    """
    try:
        return await job(config)
    except UnusableFile as unusable:
        click.echo(str(unusable), err=True)
        return 2
    except SeveralEndpoints as several:
        click.echo("webhooks.endpoint_id: choose one of", err=True)
        click.echo("\n".join(f"  {one}" for one in several.ids), err=True)
        return 2
    except LockHeld as other:
        _say_held(other)
        return held
    except Terminated:
        click.echo("Ended by SIGTERM: the next run continues from here.", err=True)
        raise
    except StepFailed as failure:
        click.echo(f"The rotation stopped: {failure}", err=True)
    except Conflict as conflict:
        click.echo(
            f"The rotation stopped: {conflict}. Nothing is lost: run it again.",
            err=True,
        )
    return 1


async def _status(config: Config, *, webhook: bool) -> int:
    async with open_vault(config) as store:
        fields = await store.state()
    if lost := read_loss(fields):
        click.echo(explain_loss(lost))
        return 0
    try:
        said, at = describe(fields) if webhook else policy.describe(fields)
    except ValueError as error:
        raise StepFailed(damaged(error)) from None
    click.echo(said if at is None else f"{said} {_date(at)}.")
    return 0


async def _break_lock(config: Config) -> int:
    """Release the lock, whichever run holds it."""
    async with open_vault(config) as store:
        lock = Lock(
            store,
            holder=run_name(),
            ttl=config.rotation.lock_ttl,
            clock=SystemClock(),
        )
        broken = await lock.break_open()
    if broken is None:
        click.echo("No run holds the lock.")
        return 0
    click.echo(
        f"The lock of {broken.holder} is released. If that run is still alive, it "
        "stops at its next write; a call to Dinie that it has begun is not undone. "
        "Run the rotation again to continue."
    )
    return 0


async def _plan(config: Config) -> int:
    """Print what a rotation would do; change nothing."""
    options = config.rotation
    async with open_vault(config) as store, open_dinie(config) as dinie:
        current = await build_context(config, store, dinie, report=click.echo).current()
        listed = await dinie.credentials(current)
    known = policy.find(listed, current.client_id.reveal())
    due = known and policy.due_at(known.created, known.expires, options)
    if due:
        click.echo(f"The current credential is due on {_date(due)}.")
    else:
        click.echo("The age of the current credential is unknown: begin with --now.")
    now = SystemClock.unix()
    for step, at in policy.plan(options, now=max(now, due or now)):
        click.echo(f"  {_date(at)}  {step}")
    return 0


async def _advance(
    pause: Callable[[float], Awaitable[None]],
    config: Config,
    *,
    now: bool = False,
    wait: bool = False,
    abort: bool = False,
    webhook: bool = False,
) -> int:
    clock = SystemClock()
    failed = False
    async with open_vault(config) as store, open_dinie(config) as dinie:
        while True:
            context = build_context(config, store, dinie, report=click.echo)
            try:
                if webhook:
                    endpoint = config.webhooks.endpoint_id
                    made = WebhookRotation(context, endpoint=endpoint)
                    progress = await made.run(now=now)
                elif abort:
                    progress = await Rotation(context).abort()
                else:
                    progress = await Rotation(context).run(now=now)
            except LockHeld as held:
                if not wait:
                    raise
                _say_held(held)
                await pause(_until(held.until, clock))
                continue
            _show(progress)
            failed = failed or progress.failed
            done = not wait or not progress.under_way or (abort and progress.failed)
            if done or progress.next_at is None:
                return int(failed)
            now = False
            await pause(_until(progress.next_at, clock))


def _until(unix: float, clock: SystemClock) -> float:
    """Return for how long to sleep, s; never 0: a lock may end in the same instant."""
    return min(_LONGEST_SLEEP, max(_SHORTEST_SLEEP, unix - clock.unix()))


def _say_held(held: LockHeld) -> None:
    until = _date(held.until)
    click.echo(
        f"Another rotation is under way: {held.holder} holds the lock until {until}. "
        "If that run has died, --break-lock releases it sooner."
    )


def _show(progress: Progress) -> None:
    click.echo(progress.message)
    if progress.next_at is not None:
        click.echo(f"Run it again on {_date(progress.next_at)} or later.")


def _date(unix: float) -> str:
    return utc(unix).strftime("%Y-%m-%d %H:%M:%S UTC")
