"""Are two requests the same one?

SDKs change a multipart boundary on each retry, so such a body counts by its parts.
"""

import asyncio
import hashlib
import mmap
from collections.abc import Iterator
from email.message import Message
from typing import Protocol

from gateway.message import Exchange

Buffer = bytes | mmap.mmap

_KEPT = (b"content-disposition", b"content-type", b"content-transfer-encoding")
_MOST_PARTS = 1000  # what has more counts by its bytes: reading them holds the loop up


class _Hash(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...


async def fingerprint_of(exchange: Exchange) -> bytes:
    """Return the SHA-256 of method, target and body; a spilled one off the loop."""
    if exchange.body.file is None:
        return _fingerprint(exchange, exchange.body.data)
    return await asyncio.to_thread(_spilled, exchange)


def _spilled(exchange: Exchange) -> bytes:
    assert exchange.body.file is not None  # noqa: S101 - see fingerprint_of
    # Mapped, not read: eight uploads at once must not need their size in memory.
    with mmap.mmap(exchange.body.file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        return _fingerprint(exchange, mapped)


def _fingerprint(exchange: Exchange, body: Buffer) -> bytes:
    digest = hashlib.sha256()
    for text in (exchange.method, exchange.target):
        _add(digest, text.encode())
    boundary = boundary_of(exchange.content_type)
    parts = _parts(body, boundary) if boundary else None
    with memoryview(body) as view:
        # A body of bytes must never read like the parts of another.
        digest.update(b"bytes" if parts is None else b"parts")
        if parts is None:
            digest.update(view)
            return digest.digest()
        for head, start, end in parts:
            _add(digest, b"\n".join(sorted(_named(head))))
            digest.update((end - start).to_bytes(8, "big"))
            with view[start:end] as content:
                digest.update(content)
    return digest.digest()


def _add(digest: _Hash, data: bytes) -> None:
    digest.update(len(data).to_bytes(8, "big"))
    digest.update(data)


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary of a multipart type; None where it is something else."""
    if content_type[:10].lower() != "multipart/":
        return None
    message = Message()
    message["Content-Type"] = content_type
    try:
        boundary = message.get_boundary()
        return boundary.encode() if boundary else None
    except (LookupError, TypeError, ValueError):
        # RFC 2231 lets a caller name any codec of Python's, and several refuse.
        return None


def _parts(body: Buffer, boundary: bytes) -> list[tuple[bytes, int, int]] | None:
    """Return head, start and end of each part; None where the body is malformed.

    Source: RFC 2046 5.1.1. A preamble, an epilogue or an odd delimiter counts as
    malformed, and the body then counts by its bytes: stricter, never looser.
    """
    delimiter = b"--" + boundary
    if body[: len(delimiter)] != delimiter:
        return None
    found: list[tuple[bytes, int, int]] = []
    at = len(delimiter)
    while body[at : at + 2] == b"\r\n":
        end = body.find(b"\r\n" + delimiter, at)
        gap = body.find(b"\r\n\r\n", at)
        if end < 0 or gap < 0 or gap + 4 > end or len(found) >= _MOST_PARTS:
            return None
        found.append((bytes(body[at:gap]), gap + 4, end))
        at = end + 2 + len(delimiter)
    return found if body[at : at + 5] in {b"--", b"--\r\n"} else None


def _named(head: bytes) -> Iterator[bytes]:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() in _KEPT:
            yield name.strip().lower() + b":" + value.strip()
