"""Bounds the connections without a request; the oldest is closed first.

Each holds a file descriptor, and a gateway that has none left neither accepts a caller
nor reaches Dinie. Connections that have not sent a request yet and connections that
idle between two requests are bounded apart: a flood of silent ones must not close the
connections of callers.
"""

import asyncio
import resource
from typing import Final

_MOST: Final = 1024
_MOST_IDLE: Final = 8192
_LEAST: Final = 16
_SHARE: Final = 4  # a quarter of the descriptors: two listeners and Dinie need some


class NewConnections:
    """The connections of one listener that wait for a first request, or the next."""

    def __init__(self, most: int) -> None:
        """Begin with none.

        Args:
            most: How many may be open at once.
        """
        self._most = most
        self._waiting: dict[asyncio.WriteTransport, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, transport: asyncio.WriteTransport) -> None:
        """Add a connection; close the oldest one if there are too many."""
        self._waiting[transport] = None
        if len(self._waiting) > self._most:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.abort()

    def remove(self, transport: asyncio.WriteTransport) -> None:
        """Forget a connection that has sent a request, or is closed."""
        self._waiting.pop(transport, None)


def most_new_connections() -> int:
    """Return how many the descriptors of this process allow for one listener."""
    return _share_of_descriptors(_MOST)


def most_idle_connections() -> int:
    """Return how many connections of one listener may idle between two requests."""
    return _share_of_descriptors(_MOST_IDLE)


def _share_of_descriptors(most: int) -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return most
    return min(most, max(_LEAST, soft // _SHARE))
