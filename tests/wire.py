"""A caller that writes and reads bytes: no HTTP library smooths anything over."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

_PATIENCE = 20.0  # s; a test that waits longer has failed
_NO_BODY = frozenset({204, 304})


class Cut(Exception):  # noqa: N818 - a fact, no fault
    """The connection ended inside an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it arrived."""

    status: int
    line: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    raw: bytes  # head and body, byte for byte

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        wanted = name.lower().encode()
        return [
            value.decode("latin-1")
            for key, value in self.headers
            if key.lower() == wanted
        ]

    def get(self, name: str) -> str | None:
        """Return a header's only value; None where there is none."""
        values = self.all(name)
        assert len(values) <= 1, (name, values)
        return values[0] if values else None


def request(
    method: str,
    target: str,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes | None = None,
) -> bytes:
    """Return a well-formed request's bytes."""
    head = f"{method} {target} HTTP/1.1\r\nHost: gateway.test\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers)
    if body is not None:
        head += f"Content-Length: {len(body)}\r\n"
    return (head + "\r\n").encode("latin-1") + (body or b"")


class Caller:
    """One connection to the gateway."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), _PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Write; a peer that has hung up meanwhile is no fault."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def ask(self, data: bytes, *, head: bool = False) -> Answer:
        """Write a request and return its answer."""
        self.send(data)
        given = self.read(head=head)
        assert given is not None, "the connection was closed without an answer"
        return given

    def read(self, *, head: bool = False) -> Answer | None:
        """Return the next final answer; None: closed before its first byte.

        Raises:
            Cut: the connection ended inside the answer.
        """
        while True:
            found = self._answer(head=head)
            if found is None or found.status >= 200:
                return found

    def wait(self) -> None:
        """Block until an answer begins."""
        assert self._more(), "the connection was closed without an answer"

    @property
    def closed(self) -> bool:
        """Wait for the peer's next byte; return whether it hung up instead."""
        return not self._buffer and not self._more()

    def _answer(self, *, head: bool) -> Answer | None:
        raw = self._until(b"\r\n\r\n")
        if raw is None:
            return None
        line, *fields = raw[:-4].split(b"\r\n")
        headers = tuple(_field(field) for field in fields)
        status = int(line.split(b" ")[1])
        given = Answer(status, line, headers, b"", raw)
        if head or status in _NO_BODY or status < 200:
            return given
        framed, body = self._body(given)
        return Answer(status, line, headers, body, raw + framed)

    def _body(self, given: Answer) -> tuple[bytes, bytes]:
        """Return a body as it was framed, and without its frame."""
        if given.get("Transfer-Encoding") == "chunked":
            return self._chunks()
        length = given.get("Content-Length")
        if length is not None:
            body = self._exactly(int(length))
        else:
            while self._more():
                pass
            body, self._buffer = self._buffer, b""
        return body, body

    def _chunks(self) -> tuple[bytes, bytes]:
        framed, chunks = [], []
        while True:
            line = self._until(b"\r\n")
            if line is None:
                raise Cut
            size = int(line, 16)
            chunk = self._exactly(size + 2)
            framed.append(line + chunk)
            chunks.append(chunk[:-2])
            if not size:
                return b"".join(framed), b"".join(chunks)

    def _until(self, end: bytes) -> bytes | None:
        while (at := self._buffer.find(end)) < 0:
            if not self._more():
                if self._buffer:
                    raise Cut
                return None
        return self._take(at + len(end))

    def _exactly(self, size: int) -> bytes:
        pieces = [self._take(size)]
        missing = size - len(pieces[0])
        while missing:
            if not self._more():
                raise Cut
            pieces.append(self._take(missing))
            missing -= len(pieces[-1])
        return b"".join(pieces)

    def _take(self, size: int) -> bytes:
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _more(self) -> bool:
        try:
            chunk = self.socket.recv(1024 * 1024)
        except ConnectionResetError:
            return False
        self._buffer += chunk
        return bool(chunk)


def _field(field: bytes) -> tuple[bytes, bytes]:
    name, _, value = field.partition(b":")
    return name, value.strip(b" \t")


def ask(port: int, data: bytes, *, head: bool = False) -> Answer:
    """Send one request on a connection of its own."""
    with Caller(port) as caller:
        return caller.ask(data, head=head)
