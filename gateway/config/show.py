"""Prints the effective configuration, with the source of each key."""

import json
import re
from typing import Final

from gateway.config.load import Loaded
from gateway.config.sources import flatten
from gateway.core.secret import MASK

# Up to the last @: a password may hold an @.
_CREDENTIALS: Final = re.compile(r"://.*@", re.DOTALL)


def show(loaded: Loaded) -> list[str]:
    """Return one line a key: `key = JSON value  (source)`; secrets are masked."""
    lines = [f'environment = "{loaded.environment}"  (DINIE_ENV)']
    dumped = loaded.config.model_dump(mode="json", exclude={"environment"})
    for key, value in flatten(dumped):
        source = loaded.sources.get(key, "default")
        lines.append(f"{key} = {json.dumps(_masked(value))}  ({source})")
    return lines


def _masked(value: object) -> object:
    """Return a value with the credentials of a URL masked.

    The URL is not parsed: one with a typo may hold a password, too.
    """
    if isinstance(value, str):
        return _CREDENTIALS.sub(f"://{MASK}@", value)
    return value
