"""Tells whether two requests are the same one, by a SHA-256 over what matters of them.

SDKs change a multipart boundary on each retry, so a form counts by its parts, where all
servers would find the same ones.
"""

import asyncio
import hashlib
import mmap
from typing import Protocol

from gateway.core.exchange import Exchange
from gateway.idempotency.multipart import Buffer, form_of, is_multipart, parts_of


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
    for text in (exchange.method, exchange.target.raw):
        _add(digest, text.encode())
    with memoryview(body) as view:
        # A body of bytes must never read like the parts of another.
        if not is_multipart(exchange.head.content_type):
            digest.update(b"bytes")
            digest.update(view)
        elif not _add_parts(digest, exchange.head.content_type, body, view):
            digest.update(b"multi")
            # With the boundary: another one may find other parts in the same bytes.
            _add(digest, exchange.head.content_type.encode(errors="surrogateescape"))
            digest.update(view)
    return digest.digest()


def _add_parts(
    digest: _Hash, content_type: str, body: Buffer, view: memoryview
) -> bool:
    """Add a form by its parts; return False, with nothing added, where it cannot be."""
    form = form_of(content_type)
    parts = parts_of(body, form.boundary) if form else None
    if form is None or parts is None:
        return False
    digest.update(b"parts")
    if form.others:
        _add(digest, form.others)
    for head, start, end in parts:
        _add(digest, head)
        digest.update((end - start).to_bytes(8, "big"))
        with view[start:end] as content:
            digest.update(content)
    return True


def _add(digest: _Hash, data: bytes) -> None:
    digest.update(len(data).to_bytes(8, "big"))
    digest.update(data)
