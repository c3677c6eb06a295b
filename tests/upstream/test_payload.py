"""SpilledBody: a body on disk, sent as often as needed."""

import asyncio
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

import pytest
from aiohttp.abc import AbstractStreamWriter

from gateway.upstream.payload import SpilledBody

CONTENT = bytes(range(256)) * 4096  # 1 MiB, more than one read


class Sink(AbstractStreamWriter):
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = bytearray()

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self.written += chunk
        await asyncio.sleep(0)

    async def write_eof(self, chunk: bytes = b"") -> None:
        self.written += chunk

    async def drain(self) -> None:
        """Need not."""

    def enable_compression(
        self, encoding: str = "deflate", strategy: int | None = None
    ) -> None:
        """Need not."""

    def enable_chunking(self) -> None:
        """Need not."""

    async def write_headers(self, status_line: str, headers: object) -> None:
        """Need not."""


@pytest.fixture
def file() -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as opened:
        opened.write(CONTENT)
        opened.flush()
        yield opened


async def test_it_can_be_sent_twice(file: BinaryIO) -> None:
    """A retry sends the same bytes."""
    body, first, second = SpilledBody(file, len(CONTENT)), Sink(), Sink()

    await body.write(first)
    await body.write(second)

    assert first.written == second.written == CONTENT


async def test_two_sends_at_once_do_not_move_each_other(file: BinaryIO) -> None:
    """An attempt that was given up may still be writing."""
    first, second = Sink(), Sink()

    await asyncio.gather(
        SpilledBody(file, len(CONTENT)).write(first),
        SpilledBody(file, len(CONTENT)).write(second),
    )

    assert first.written == second.written == CONTENT


async def test_no_more_than_the_length_is_written(file: BinaryIO) -> None:
    """What follows would be the next request."""
    sink = Sink()

    await SpilledBody(file, len(CONTENT)).write_with_length(sink, 300_000)

    assert sink.written == CONTENT[:300_000]


async def test_a_file_that_shrank_is_an_error_not_a_short_body(file: BinaryIO) -> None:
    """Half a document must not look like a whole one."""
    with pytest.raises(OSError, match="shorter"):
        await SpilledBody(file, len(CONTENT) + 1).write(Sink())


def test_it_says_its_size_and_is_never_text(file: BinaryIO) -> None:
    """The client declares the length from it."""
    body = SpilledBody(file, len(CONTENT))

    assert body.size == 1_048_576
    with pytest.raises(TypeError):
        body.decode()


class Slow(Sink):
    """Lets a test in between two writes."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        await super().write(chunk)
        self.begun.set()
        await self.go_on.wait()


async def test_a_body_that_is_closed_meanwhile_is_not_another_callers() -> None:
    """The number of a closed file belongs to the next one that is opened."""
    with tempfile.TemporaryFile() as mine:
        mine.write(CONTENT)
        mine.flush()
        sink = Slow()
        sending = asyncio.ensure_future(SpilledBody(mine, len(CONTENT)).write(sink))
        await sink.begun.wait()
        mine.close()
        with tempfile.TemporaryFile() as another:
            another.write(b"!" * len(CONTENT))
            another.flush()
            sink.go_on.set()
            await asyncio.wait([sending])

    assert b"!" not in bytes(sink.written).replace(CONTENT, b"")
    assert bytes(sink.written) == CONTENT
