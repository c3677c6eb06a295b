"""Handles signals that arrive before `serve` has an event loop.

The imports take a third of a second, during which the default handlers would apply:
SIGHUP kills, SIGTERM ends with an error, and process 1 of a container ignores it. This
module is imported before anything that takes time.
"""

import os
import signal
from collections.abc import Sequence


def prepare(arguments: Sequence[str]) -> bool:
    """Install handlers for `serve`, until its event loop installs its own.

    SIGHUP is ignored: it asks for the secrets to be read, which a start does anyway.
    SIGTERM and SIGINT end at once: nothing was accepted, so nothing is to be finished.

    Args:
        arguments: Of the command line, without the program.

    Returns:
        Whether the command is `serve`; another one keeps the defaults.
    """
    if list(arguments[:1]) != ["serve"]:
        return False
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    return True


def _end(*_: object) -> None:
    # Not by an exception: an import or a callback from C could swallow it.
    os._exit(0)
