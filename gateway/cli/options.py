"""Options and arguments that several commands share."""

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import click

from gateway.config.load import ConfigError, load
from gateway.config.schema import Config
from gateway.core.clock import SystemClock
from gateway.core.timestamps import unix_of

_SPAN: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
F = TypeVar("F", bound=Callable[..., Any])


def config_options(command: F) -> F:
    """Add `--config-dir` and `--set`; they arrive as `config_dir` and `overrides`."""
    command = click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="SECTION.KEY=VALUE",
        help="Set one key; wins over files and variables.",
    )(command)
    return click.option(
        "--config-dir",
        type=click.Path(file_okay=False),
        help="Folder of base.yaml and <environment>.yaml.",
    )(command)


def plain(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Return an argument if it is printable text: anything else fails when written.

    Raises:
        click.BadParameter: It is not.
    """
    if value is not None and not value.isprintable():
        raise click.BadParameter("must be plain text")
    return value


def moment(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """Return the moment that an option names; s, Unix.

    Accepts `90s`, `15m`, `2h` or `3d` before now, or a date and time.

    Raises:
        click.BadParameter: It is none of these.
    """
    if value is None:
        return None
    if span := _SPAN.fullmatch(value):
        return SystemClock.unix() - int(span[1]) * _UNITS[span[2]]
    at = unix_of(value)
    if at is None:
        raise click.BadParameter("must be 90s, 15m, 2h, 3d or 2026-11-24T08:00:00Z")
    return at


def configured(config_dir: str | None, overrides: Sequence[str]) -> Config:
    """Return the configuration; if it is faulty, print every fault and exit with 2."""
    try:
        return load(config_dir=config_dir, overrides=overrides).config
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
