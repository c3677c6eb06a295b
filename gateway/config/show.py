"""What is the effective configuration, and where does each key come from?"""

import json
import re
from collections.abc import Mapping
from typing import Final

from gateway.config.load import Loaded
from gateway.config.tree import flatten
from gateway.core.secret import MASK

# To the last @: rather too much than too little.
_CREDENTIALS: Final = re.compile(r"://.*@", re.DOTALL)


def show(loaded: Loaded) -> list[str]:
    """Return one line a key: `key = JSON value  (source)`; secrets are masked."""
    lines = [f'environment = "{loaded.environment}"  (DINIE_ENV)']
    dumped = loaded.config.model_dump(mode="json", exclude={"environment"})
    for key, value in flatten(dumped):
        source = _source(loaded.sources, key)
        lines.append(f"{key} = {json.dumps(_masked(value))}  ({source})")
    return lines


def _source(sources: Mapping[str, str], key: str) -> str:
    return sources.get(key, "default")


def _masked(value: object) -> object:
    """Mask credentials inside a URL: the only place where a setting could hold any.

    Not by parsing it: what a typo makes unreadable may hold a password all the same.
    """
    if isinstance(value, str):
        return _CREDENTIALS.sub(f"://{MASK}@", value)
    return value
