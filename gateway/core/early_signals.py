"""Handles signals that arrive before `serve` has an event loop.

Importing takes a third of a second, and until then the defaults apply: SIGHUP kills,
SIGTERM ends with an error, and process 1 of a container does not hear it at all.
Imported before anything that takes time.
"""

import os
import signal
from collections.abc import Sequence


def prepare(arguments: Sequence[str]) -> bool:
    """Set the signals of `serve` until its event loop sets its own; return if it is.

    SIGHUP asks for what a start does anyway: the secrets are read. SIGTERM and SIGINT
    find nothing accepted yet, so there is nothing to finish.

    Args:
        arguments: Of the command line, without the program; another command keeps the
            defaults.
    """
    if list(arguments[:1]) != ["serve"]:
        return False
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    return True


def _end(*_: object) -> None:
    # No exception: inside an import, or a callback from C, it could be swallowed.
    os._exit(0)
