"""Bounds the connections that have not sent a request yet; the oldest is closed first.

Each holds a file descriptor, and a gateway that has none left neither accepts a caller
nor reaches Dinie. Only the age of such a connection is known.
"""

import asyncio
import resource
from typing import Final

_MOST: Final = 1024
_LEAST: Final = 16
_SHARE: Final = 4  # a quarter of the descriptors: two listeners and Dinie need some


class NewConnections:
    """The connections of one listener that have not sent a request."""

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
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _MOST
    return min(_MOST, max(_LEAST, soft // _SHARE))
