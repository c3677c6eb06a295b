"""Connections that have not sent a request yet: bounded, the oldest closed first.

Each holds a file descriptor, and a gateway without any neither accepts a caller nor
reaches Dinie. Nothing is known of them but how long they take.
"""

import asyncio
import resource
from typing import Final

_MOST: Final = 1024
_LEAST: Final = 16
_PART: Final = 4  # of the descriptors; there are two listeners, and Dinie


class NewConnections:
    """Those of one listener."""

    def __init__(self, most: int) -> None:
        """Begin with none; `most` at once."""
        self._most = most
        self._waiting: dict[asyncio.WriteTransport, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, transport: asyncio.WriteTransport) -> None:
        """Note a connection that was made."""
        self._waiting[transport] = None
        if len(self._waiting) > self._most:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.abort()

    def remove(self, transport: asyncio.WriteTransport) -> None:
        """Note that it has sent a request, or is gone."""
        self._waiting.pop(transport, None)


def most_new_connections() -> int:
    """Return how many the descriptors of this process allow for one listener."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _MOST
    return min(_MOST, max(_LEAST, soft // _PART))
