"""One hostile request against a live gateway, and what must hold after it."""

import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from tests.gateway_process import Live
from tests.upstreams import TOKEN, Received
from tests.wire import Answer, Caller, request

CLOSED = 0  # stands for a connection that is closed without an answer
REFUSED = (400, CLOSED)
TOO_LARGE = 413
_PROBE_ID = "0123456789abcdef0123456789abcdef"
_LINE = re.compile(rb"[A-Z]+ /v3(?:[/?][!-~]*)? HTTP/1\.1")
_TOKEN_CHARACTERS = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_AT_MOST_ONCE = (
    "Content-Length",
    "Content-Type",
    "Idempotency-Key",
    "X-Idempotency-Key",
    "X-Request-Id",
)
_NEVER = (
    "Connection",
    "Expect",
    "HTTP2-Settings",
    "Keep-Alive",
    "Proxy-Authorization",
    "TE",  # codespell:ignore te
    "Trailer",
    "Transfer-Encoding",
    "Transfer_Encoding",
    "Content_Length",
    "Upgrade",
)


@dataclass(frozen=True, slots=True)
class Attack:
    """What is sent, and what may come of it; `EVIL` is the other host's address.

    `passes` are the targets that Dinie must see if the answer is a 200.
    """

    raw: bytes
    allowed: tuple[int, ...] = REFUSED
    passes: tuple[str, ...] = ()
    body: bytes | None = None  # what Dinie must then see as the first one's body


def head(line: str, *fields: bytes, body: bytes = b"") -> bytes:
    """Return a request with a Host and these raw header lines."""
    lines = (line.encode("latin-1"), b"Host: gateway.test", *fields)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def post(*fields: bytes, body: bytes = b"") -> bytes:
    """Return a POST to `/loans` with these raw header lines."""
    return head("POST /loans HTTP/1.1", *fields, body=body)


def assert_harmless(live: Live, attack: Attack) -> None:
    """Send an attack and check every promise.

    Raises:
        AssertionError: one is broken.
    """
    live.reset()
    raw = attack.raw.replace(b"EVIL", f"127.0.0.1:{live.evil.port}".encode())
    with Caller(live.port) as caller:
        caller.send(raw)
        given = [caller.read()]
        status = given[0].status if given[0] else CLOSED
        assert status in attack.allowed, given[0]
        if status == TOO_LARGE:
            # The gateway would take in some of the body, so that we read its answer.
            with suppress(OSError):
                caller.socket.shutdown(socket.SHUT_WR)
        given += in_step(caller)
    passed = [got for got in live.upstream.requests if got.target != "/v3/probe"]
    targets = attack.passes if status == 200 else ()
    assert tuple(got.target for got in passed) == targets
    if passed and attack.body is not None:
        assert passed[0].body == attack.body
    unharmed(live, given)


def in_step(caller: Caller) -> list[Answer | None]:
    """Ask again on the same connection: it is closed, or the answer is to that.

    Whatever was left over of the attack would show as an answer to nobody's question.
    """
    caller.send(request("GET", "/probe", [("X-Request-Id", _PROBE_ID)]))
    again = caller.read()
    if again is None:
        return [None]
    if again.status == 400:
        assert caller.closed, "a parser that has lost its place goes on"
        return [again, None]
    assert (again.status, again.get("X-Request-Id")) == (200, _PROBE_ID)
    return [again]


def unharmed(live: Live, given: Iterable[Answer | None]) -> None:
    """Check what no request may bring about, then that the next one is served."""
    assert not any(answer and TOKEN.encode() in answer.raw for answer in given)
    with Caller(live.port) as caller:
        after = caller.ask(request("GET", "/after"))
    assert after.status == 200
    assert live.upstream.requests[-1].target == "/v3/after"
    assert live.upstream.junk == b""
    for received in live.upstream.requests:
        clean(received, live.upstream.port)
    assert live.evil.connections == 0
    assert live.gateway.alive
    assert "Traceback" not in live.gateway.output


def clean(received: Received, port: int) -> None:
    """Check that a request to Dinie can be read in one way only."""
    assert _LINE.fullmatch(received.line), received.line
    assert received.all("Host") == [f"127.0.0.1:{port}"]
    assert received.all("Authorization") == [f"Bearer {TOKEN}"]
    for field, value in received.headers:
        assert _TOKEN_CHARACTERS.fullmatch(field), field
        assert not set(value) & set(b"\r\n\0"), (field, value)
    assert [name for name in _AT_MOST_ONCE if len(received.all(name)) > 1] == []
    assert [name for name in _NEVER if received.all(name)] == []
