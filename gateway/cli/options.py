"""Which options do the commands that read the configuration share?"""

from collections.abc import Callable
from typing import Any, TypeVar

import click

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
