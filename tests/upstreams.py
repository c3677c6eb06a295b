"""A scripted upstream: raw sockets on loopback, everything that arrives recorded.

It runs on a thread with a loop of its own, so that tests may be plain functions that
talk to a real gateway process. It stands in for Dinie where a test is about bytes: the
simulator is for what those bytes mean.
"""

import asyncio
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from tests.talking import close_server

TOKEN = "dinie_at_upstream-only-0123456789"
_CHUNK = 64 * 1024  # bytes read or written at once
_LOOK = 0.01  # s
_PATIENCE = 20.0  # s; a test that waits longer has failed


def answer(
    status: int = 200,
    body: bytes = b"{}",
    headers: Iterable[tuple[str, str]] = (("Content-Type", "application/json"),),
    *,
    length: int | None = None,
    reason: str = "Said",
) -> bytes:
    """Return an answer's bytes; `length` may lie about the body."""
    head = f"HTTP/1.1 {status} {reason}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers)
    head += f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
    return head.encode("latin-1") + body


def grant(token: str = TOKEN, life: int = 3600) -> bytes:
    """Return the token endpoint's answer."""
    body = f'{{"access_token":"{token}","token_type":"bearer","expires_in":{life}}}'
    return answer(body=body.encode())


@dataclass(frozen=True, slots=True)
class Step:
    """One answer: what is sent, when, and what becomes of the connection then."""

    send: bytes = answer()
    then: Literal["keep", "close", "reset"] = "keep"
    held: bool = False  # waits for `release`
    sent_first: int = 0  # bytes of `send` that go out before it is held


DROP = Step(b"", "close")  # the request arrives, no answer goes out
RESET = Step(b"", "reset")


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived."""

    connection: int
    line: bytes  # without its CRLF
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def method(self) -> str:
        return self.line.split(b" ")[0].decode()

    @property
    def target(self) -> str:
        return self.line.split(b" ")[1].decode()

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        wanted = name.lower().encode()
        return [
            value.decode("latin-1")
            for key, value in self.headers
            if key.lower() == wanted
        ]


class _Wire:
    """Reads a connection; what nobody asked for stays in `buffer`."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.buffer = bytearray()

    async def until(self, end: bytes) -> bytes:
        while (at := self.buffer.find(end)) < 0:
            await self._more()
        return self._take(at + len(end))

    async def exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            await self._more()
        return self._take(size)

    async def _more(self) -> None:
        chunk = await self._reader.read(_CHUNK)
        if not chunk:
            raise EOFError
        self.buffer += chunk

    def _take(self, size: int) -> bytes:
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken


class ScriptedUpstream:
    """Answers by a script, `default` once that is used up."""

    def __init__(self) -> None:
        self.requests: list[Received] = []  # the token endpoint's not among them
        self.token_requests: list[Received] = []
        self.connections = 0
        self.written = 0  # answers, the token endpoint's among them
        self.default = Step()
        self.token_step = Step(grant())
        self.port = 0
        self._script: deque[Step] = deque()
        self._wires: list[_Wire] = []
        self._held: list[asyncio.Event] = []
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v3"

    @property
    def junk(self) -> bytes:
        """Return the bytes that arrived and are no whole request."""
        return b"".join(bytes(wire.buffer) for wire in self._wires)

    def reset(self) -> None:
        """Forget everything, for the next test."""
        self.requests.clear()
        self.token_requests.clear()
        self._script.clear()
        self._wires.clear()
        self.connections = self.written = 0
        self.default = Step()
        self.token_step = Step(grant())

    def script(self, *steps: Step) -> None:
        """Answer the next requests so, in this order."""
        self._script.extend(steps)

    def wait_for(self, count: int) -> None:
        """Block until so many requests have arrived."""
        self._await(lambda: len(self.requests) >= count)

    def wait_written(self, count: int) -> None:
        """Block until so many answers are written to the end."""
        self._await(lambda: self.written >= count)

    def _await(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            came = self._changed.wait_for(condition, _PATIENCE)
        assert came, f"{len(self.requests)} requests, {self.written} answers"

    def release(self) -> None:
        """Let the held answers go."""
        self._loop.call_soon_threadsafe(self._release)

    def _release(self) -> None:
        for gate in self._held:
            gate.set()
        self._held.clear()

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        task.add_done_callback(self._talks.discard)
        self.connections += 1
        wire = _Wire(reader)
        self._wires.append(wire)
        number = self.connections
        with suppress(EOFError, ConnectionError, asyncio.CancelledError):
            while await self._play(await _read_request(wire, number), writer):
                pass
        writer.close()

    def _step(self, request: Received) -> Step:
        if request.method == "POST" and request.target.endswith("/auth/token"):
            self.token_requests.append(request)
            return self.token_step
        step = self._script.popleft() if self._script else self.default
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        return step

    async def _play(self, request: Received, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether the connection goes on."""
        step = self._step(request)
        if step.held:
            gate = asyncio.Event()
            self._held.append(gate)
            writer.write(step.send[: step.sent_first])
            await gate.wait()
        for at in range(step.sent_first, len(step.send), _CHUNK):
            writer.write(step.send[at : at + _CHUNK])
            await writer.drain()
        if step.then == "reset":
            sock: socket.socket = writer.get_extra_info("socket")
            # Lingering for no time makes the close a reset.
            sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            writer.transport.abort()
        with self._changed:
            self.written += 1
            self._changed.notify_all()
        return step.then == "keep"

    def start(self) -> None:
        """Listen, on a thread."""
        self._thread.start()

        async def listen() -> None:
            self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]

        asyncio.run_coroutine_threadsafe(listen(), self._loop).result(_PATIENCE)

    def stop(self) -> None:
        """Close every socket."""

        async def close() -> None:
            assert self._server is not None
            await close_server(self._server)
            for task in list(self._talks):
                task.cancel()
            await asyncio.gather(*self._talks)
            await asyncio.sleep(_LOOK)  # what was closed is closed in the next turns

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(_PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _read_request(wire: _Wire, connection: int) -> Received:
    head = await wire.until(b"\r\n\r\n")
    line, *fields = head[:-4].split(b"\r\n")
    headers = tuple(_field(field) for field in fields)
    lengths = [value for name, value in headers if name.lower() == b"content-length"]
    coded = [value for name, value in headers if name.lower() == b"transfer-encoding"]
    # As lenient as a careless server: the tests then say that nothing of it came.
    if coded:
        body = await _read_chunks(wire)
    else:
        body = await wire.exactly(int(lengths[0]) if lengths else 0)
    return Received(connection, line, headers, body)


def _field(field: bytes) -> tuple[bytes, bytes]:
    name, _, value = field.partition(b":")
    return name, value.strip(b" \t")


async def _read_chunks(wire: _Wire) -> bytes:
    body = b""
    while size := int((await wire.until(b"\r\n")).split(b";")[0], 16):
        body += (await wire.exactly(size + 2))[:-2]
    while await wire.until(b"\r\n") != b"\r\n":
        pass
    return body


@contextmanager
def running_upstream() -> Iterator[ScriptedUpstream]:
    """Yield a listening upstream; close it at the end."""
    upstream = ScriptedUpstream()
    upstream.start()
    try:
        yield upstream
    finally:
        upstream.stop()
