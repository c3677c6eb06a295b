"""What is the effective configuration, and where does each key come from?"""

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from gateway.config.load import Loaded
from gateway.config.tree import flatten
from gateway.secret import MASK


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
    """Mask credentials inside a URL: the only place where a setting could hold any."""
    if isinstance(value, str) and "://" in value and urlsplit(value).username:
        parts = urlsplit(value)
        return parts._replace(netloc=f"{MASK}@{parts.hostname}").geturl()
    return value
