"""Sends a body that was spilled to disk, as often as needed."""

import asyncio
import os
from typing import BinaryIO

from aiohttp import payload
from aiohttp.abc import AbstractStreamWriter

_CHUNK = 256 * 1024  # bytes


class SpilledBody(payload.Payload):
    """A body on disk. Reads by position, so that no send moves another's."""

    _autoclose = True  # the exchange owns the file, not the client

    def __init__(self, file: BinaryIO, size: int) -> None:
        """Send a file's bytes.

        Args:
            file: Open, and owned by the exchange.
            size: Bytes to send.
        """
        super().__init__(file, content_type="application/octet-stream")
        self._file = file
        self._size = size

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Refuse: a body on disk is never text to us."""
        raise TypeError(f"a spilled body is not decoded ({encoding}, {errors})")

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write the whole body."""
        await self.write_with_length(writer, None)

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write the body from its start, up to a length in bytes."""
        end = self._size or 0
        if content_length is not None:
            end = min(end, content_length)
        # A descriptor of our own: Dinie may respond first. The exchange then closes its
        # file, and the next caller's body gets the same number.
        descriptor = os.dup(self._file.fileno())
        try:
            position = 0
            while position < end:
                chunk = await asyncio.to_thread(
                    os.pread, descriptor, min(_CHUNK, end - position), position
                )
                if not chunk:
                    raise OSError("a spilled body is shorter than it was")
                position += len(chunk)
                await writer.write(chunk)
        finally:
            os.close(descriptor)
