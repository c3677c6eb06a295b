"""Which options do the commands that read the configuration share?"""

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from gateway.config.load import ConfigError, load
from gateway.config.schema import Config

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
    """Refuse an argument that is no text, before something fails to write it."""
    if value is not None and not value.isprintable():
        raise click.BadParameter("must be plain text")
    return value


def configured(config_dir: str | None, overrides: Sequence[str]) -> Config:
    """Return the configuration; where it is faulty, say so and exit with 2."""
    try:
        return load(config_dir=config_dir, overrides=overrides).config
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
