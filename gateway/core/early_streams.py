"""Opens the standard streams that were closed when the process was started.

Otherwise the next files and sockets would get their numbers: libuv ends a process that
closes one of those, and what a library prints would go into a connection. This module
is imported before anything that opens a file.
"""

import os
import sys
from typing import Final

_NUMBERS: Final = (0, 1, 2)


def open_closed() -> None:
    """Connect every closed stream to the null device, which discards all output."""
    for number in _NUMBERS:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number is this one
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", closefd=False))
