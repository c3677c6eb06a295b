"""Tells a database file that is not there yet from one that cannot be used."""

import glob
import os
from pathlib import Path

from gateway.config.schema import Config
from gateway.storage.ledger.intent_log import MARK


def missing(config: Config) -> str | None:
    """Return what to say where no gateway has written the file yet, else None.

    The commands do not make one: it would be theirs, and the gateway, which may run as
    another user, could not write it.
    """
    path = Path(config.storage.sqlite_path).absolute()
    try:
        os.stat(path)  # noqa: PTH116 - `exists` takes every error for an absence
    except (FileNotFoundError, NotADirectoryError):
        if any(path.parent.glob(f"{glob.escape(path.name)}{MARK}*")):
            return None  # one wrote, and could not make the file
        return (
            f"no gateway has written {path} (storage.sqlite_path) yet: "
            "there is nothing in it, or this is not the gateway's configuration"
        )
    except OSError:
        return None  # whoever opens it says why not
    return None
