"""Finds environment variables that look like settings and would have no effect."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from gateway.config.sources import PREFIX, Fault

_OURS: Final = "GATEWAY_"
_FOLDER: Final = "GATEWAY_CONFIG_DIR"
_SOURCE: Final = "environment variable"
# Kubernetes sets such variables in every container for each Service of its namespace.
# Those of a Service named `gateway` begin as ours do.
_SERVICE_LINK: Final = re.compile(
    r"GATEWAY_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?"
    r"|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)


def misspelt(environ: Mapping[str, str], known: Iterable[str]) -> Iterator[Fault]:
    """Yield a fault for each variable that looks like a setting and is not one.

    Args:
        environ: Environment variables.
        known: Every dotted key.
    """
    keys = {_flat(key): key for key in known}
    sections = {key.partition(".")[0].upper() for key in keys.values() if "." in key}
    for name in sorted(environ):
        if name == _FOLDER or name.startswith(PREFIX) or _SERVICE_LINK.fullmatch(name):
            continue
        if not name.upper().startswith(_OURS):
            continue
        rest = re.sub("_+", "_", name.upper()[len(_OURS) :].strip("_"))
        if rest in keys:
            meant = PREFIX + keys[rest].upper().replace(".", "__")
            yield Fault(name, f"is ignored; did you mean {meant}?", _SOURCE)
        elif name.upper() == _FOLDER:
            yield Fault(name, f"is ignored; did you mean {_FOLDER}?", _SOURCE)
        elif rest.partition("_")[0] in sections:
            text = f"is no setting; settings are named {PREFIX}SECTION__KEY"
            yield Fault(name, text, _SOURCE)


def written_twice(environ: Mapping[str, str]) -> Iterator[Fault]:
    """Yield a fault for each setting that two variables name, in two spellings."""
    first: dict[str, str] = {}
    for name in sorted(environ):
        if name.startswith(PREFIX):
            other = first.setdefault(name.upper(), name)
            if other != name:
                yield Fault(name, f"sets the same key as {other}", _SOURCE)


def empty(environ: Mapping[str, str]) -> Iterator[Fault]:
    """Yield a fault for each variable of the gateway's own that is set but empty.

    An empty text is most often a template that was not filled in. Taken as "not set",
    it would start an environment other than the one that was meant.
    """
    for name in ("DINIE_ENV", _FOLDER):
        if name in environ and not environ[name].strip():
            yield Fault(name, "is set but empty; set a value or unset it", _SOURCE)


def _flat(key: str) -> str:
    return key.upper().replace(".", "_")
