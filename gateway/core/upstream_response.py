"""A response of Dinie's, and the lease on what its attempt still holds.

A body of up to 1 MiB is read whole before anything sees the response: then the attempt
holds nothing. A larger one is unread: it holds its connection and its slot until `end`.
Whatever drops a response calls `end` before it waits for anything else; the boundary
ends what is left when the request is over.
"""

from collections.abc import Awaitable, Callable, Mapping


class UpstreamResponse:
    """Head and body of a response; ends the lease of an attempt."""

    __slots__ = (
        "_close",
        "_free_slot",
        "begun",
        "body",
        "headers",
        "read",
        "reason",
        "status",
    )

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes | None = b"",
        *,
        reason: str | None = "",
        begun: bytes = b"",
        read: Callable[[], Awaitable[bytes]] | None = None,
        close: Callable[[], object] | None = None,
    ) -> None:
        """Hold a response, read whole or begun.

        Args:
            status: As received.
            headers: As received; names in any case.
            body: The whole body; None: it is unread, and streams on.
            reason: Of the status line.
            begun: The first bytes of a body that streams.
            read: Returns the next bytes of such a body, empty at its end.
            close: Closes the connection of such a body.
        """
        self.status = status
        self.headers = headers
        self.body = body
        self.reason = reason
        self.begun = begun
        self.read = read
        self._close = close
        self._free_slot: Callable[[], object] | None = None

    def hold_slot(self, free: Callable[[], object]) -> None:
        """Take over a slot; `free` gives it back."""
        self._free_slot = free

    def free_slot(self) -> None:
        """Give the slot back alone: the body was read, or its reader is slow."""
        free, self._free_slot = self._free_slot, None
        if free is not None:
            free()

    def end(self) -> None:
        """Close what is unread and give the slot back; more than once is fine."""
        close, self._close = self._close, None
        if close is not None:
            close()
        self.free_slot()
