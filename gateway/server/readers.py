"""Connections that do not take what was written to them: bounded in memory and time.

A caller that stops reading leaves its response in memory, and nothing else: no slot at
Dinie, and not for ever. Progress is what counts: a slow reader is served to the end.
"""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Final

import structlog

TIMEOUT: Final = 10.0  # s without a byte taken; as long as Dinie has for its first one
CROWDED_TIMEOUT: Final = (
    2.0  # s of that, while half of the memory is taken; as the wait for a slot
)
MOST: Final = 64 * 1024 * 1024  # bytes that are unsent, of all connections
READ_AHEAD: Final = 4 * 1024 * 1024  # bytes of one response that is still arriving
_LOOK: Final = 1.0  # s
_log = structlog.get_logger("gateway.server")


class _Reader:
    """What one connection has not taken yet."""

    __slots__ = ("since", "unsent")

    def __init__(self, since: float) -> None:
        self.since = since  # s, monotonic; of its last progress
        self.unsent = 0  # bytes


class Readers:
    """The connections that are behind; one that keeps up is not here."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float]
    ) -> None:
        """Begin with none; `clock` is monotonic, s."""
        self._loop = loop
        self._clock = clock
        # By progress: the one without any for longest comes first.
        self._behind: dict[asyncio.WriteTransport, _Reader] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._dropped = 0  # since the last line of the log
        self.unsent = 0  # bytes, of all

    def __len__(self) -> int:
        return len(self._behind)

    def behind(self, transport: asyncio.WriteTransport) -> None:
        """Note that a connection did not take all that was written."""
        self._behind[transport] = _Reader(self._clock())
        self._look(transport)
        if self.unsent > MOST:
            self._cut(inf, until=MOST)
        if self._timer is None and self._behind:
            self._timer = self._loop.call_later(_LOOK, self._sweep)

    def caught_up(self, transport: asyncio.WriteTransport) -> None:
        """Note that it has taken everything, or is gone."""
        reader = self._behind.pop(transport, None)
        if reader is not None:
            self.unsent -= reader.unsent

    def wrote(self, transport: asyncio.WriteTransport, size: int) -> bool:
        """Note so many bytes more; return whether there is room for further ones.

        Half of the memory is for responses that are whole, and cannot wait.
        """
        reader = self._behind.get(transport)
        if reader is None:
            return True
        self._look(transport, size)
        return reader.unsent <= READ_AHEAD and self.unsent <= MOST // 2

    def close(self) -> None:
        """Stop looking."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, transport: asyncio.WriteTransport, wrote: int = 0) -> None:
        """Take in what is unsent; `wrote` bytes were added since the last look."""
        reader = self._behind[transport]
        unsent = transport.get_write_buffer_size()
        if unsent < reader.unsent + wrote:
            reader.since = self._clock()
            self._behind[transport] = self._behind.pop(transport)
        self.unsent += unsent - reader.unsent
        reader.unsent = unsent

    def _sweep(self) -> None:
        for transport in list(self._behind):
            self._look(transport)
        crowded = self.unsent > MOST // 2
        self._cut(self._clock() - (CROWDED_TIMEOUT if crowded else TIMEOUT), until=-1)
        if self._dropped:
            _log.warning(
                "readers_cut", connections=self._dropped, unsent_bytes=self.unsent
            )
            self._dropped = 0
        self._timer = None
        if self._behind:
            self._timer = self._loop.call_later(_LOOK, self._sweep)

    def _cut(self, last: float, *, until: int) -> None:
        """Drop connections without progress, until so few bytes are unsent.

        Args:
            last: Those whose progress was not after this moment, s.
            until: Bytes.
        """
        for transport, reader in list(self._behind.items()):
            before = reader.since
            self._look(transport)
            if reader.since > before or reader.since > last:
                continue
            self.caught_up(transport)
            transport.abort()
            self._dropped += 1
            if self.unsent <= until:
                break
