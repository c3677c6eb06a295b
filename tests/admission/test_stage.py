"""AdmissionStage: bodies of every kind, and who is not let in."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.admission.arrivals import (
    UNIDENTIFIED,
    UNIDENTIFIED_CAP,
    UNIDENTIFIED_TIMEOUT,
)
from tests.admission.door import Door, door

MIB = 1024 * 1024
UPLOAD = "/customers/1/documents"


@pytest.fixture(autouse=True)
def _short_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a refused caller's body read for a tenth of a second instead of two."""
    monkeypatch.setattr("gateway.server.listeners._LINGER", 0.1)


def head(target: str = "/loans", *headers: str, method: str = "POST") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: a", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def sized(body: bytes, target: str = "/loans", *headers: str) -> bytes:
    return head(target, f"Content-Length: {len(body)}", *headers) + body


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


CHUNKED = head("/loans", "Transfer-Encoding: chunked")


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        pytest.param([head(method="GET")], b"", id="none"),
        pytest.param([sized(b"")], b"", id="empty"),
        pytest.param([sized(b"abc")], b"abc", id="small"),
        pytest.param([sized(b"abcdef")[:-3], b"def"], b"abcdef", id="in-two"),
        pytest.param(
            [CHUNKED, chunk(b"ab"), chunk(b"c"), b"0\r\n\r\n"], b"abc", id="chunked"
        ),
        pytest.param(
            [CHUNKED + chunk(b"ab") + b"0\r\n\r\n"], b"ab", id="chunked-at-once"
        ),
        pytest.param([sized(b"x" * MIB)], b"x" * MIB, id="the-cap-itself"),
    ],
)
async def test_a_body_is_taken_in_whole(pieces: list[bytes], body: bytes) -> None:
    """Every attempt will send these bytes."""
    async with door() as inside:
        answer = await inside.say(*pieces, wait=0.01)

        assert answer.endswith(b"\r\n\r\nin")
        assert (inside.bodies, inside.on_disk) == ([body], [False])
        assert inside.stage.inside == 0


@pytest.mark.parametrize("coding", ["sized", "chunked"])
async def test_a_large_body_goes_to_disk_and_is_given_back(coding: str) -> None:
    """Sixty-four uploads of 25 MiB must not be 1.6 GB of memory."""
    body = bytes(range(256)) * (3 * MIB // 256)
    whole = sized(body, UPLOAD)
    if coding == "chunked":
        cut = [body[at : at + 70_000] for at in range(0, len(body), 70_000)]
        whole = head(UPLOAD, "Transfer-Encoding: chunked")
        whole += b"".join(chunk(part) for part in cut) + b"0\r\n\r\n"
    async with door() as inside:
        await inside.say(whole)

        assert (inside.bodies == [body], inside.on_disk) == (True, [True])
        assert inside.uploads == [True]
        assert inside.files[0].closed


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 2 * MIB], ids=["none", "some"])
async def test_a_disk_without_room_refuses_the_body(room: int) -> None:
    """The caller still has it, and nothing was sent."""
    async with door() as inside:
        with largest_file(room):
            answer = await inside.say(sized(b"x" * 4 * MIB, UPLOAD))

        assert b" 503 " in answer.partition(b"\r\n")[0]
        assert (inside.refused, inside.bodies) == (["overloaded"], [])
        assert inside.stage.inside == 0


@pytest.mark.parametrize(
    ("pieces", "slug"),
    [
        pytest.param(
            [head("/x", "Content-Length: 1048577")], b"too-large", id="declared"
        ),
        pytest.param([CHUNKED, chunk(b"x" * (MIB + 1))], b"too-large", id="undeclared"),
        pytest.param(
            [head(UPLOAD, "Transfer-Encoding: chunked"), *[chunk(b"x" * MIB)] * 3],
            b"too-large",
            id="undeclared-on-disk",
        ),
        pytest.param([CHUNKED, b"zz\r\n"], b"HTTP/1.0 400", id="malformed-chunk"),
        pytest.param(
            [sized(b"x", "/x", "Expect: a-miracle")], b"bad-request", id="expectation"
        ),
        pytest.param([sized(b"x", "/auth/credentials/1")], b"forbidden", id="denied"),
    ],
)
async def test_what_is_refused_never_gets_in(pieces: list[bytes], slug: bytes) -> None:
    """Nothing was spent, and nothing is held."""
    async with door(max_upload=2 * MIB) as inside:
        answer = await inside.say(*pieces)

        assert slug in answer
        assert (inside.bodies, inside.other_errors, inside.stage.inside) == ([], [], 0)


async def test_a_slow_body_is_given_up() -> None:
    """A caller that drips bytes must not hold a place for ever."""
    async with door(body_timeout=0.05) as inside:
        answer = await inside.say(sized(b"abcdef")[:-3])

        assert answer.startswith(b"HTTP/1.1 400")
        assert (inside.refused, inside.stage.inside) == (["bad-request"], 0)


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(sized(b"abcdef")[:-3], id="sized"),
        pytest.param(CHUNKED + chunk(b"ab"), id="chunked"),
        pytest.param(CHUNKED + b"5\r\nab", id="inside-a-chunk"),
        pytest.param(
            head(UPLOAD, "Content-Length: 3145728") + b"x" * 2 * MIB, id="disk"
        ),
    ],
)
async def test_a_body_that_ends_early_is_no_request(piece: bytes) -> None:
    """Half a loan must not be sent, nor be an error of ours."""
    async with door() as inside:
        await inside.hang_up_after(piece)

        assert (inside.bodies, inside.refused) == ([], ["bad-request"])
        assert (inside.other_errors, inside.stage.inside) == ([], 0)


async def test_a_caller_that_waits_for_100_continue_is_told_to_go_on() -> None:
    """Some clients wait a second for it with every larger body."""
    async with door() as inside:
        reader, writer = await asyncio.open_connection("127.0.0.1", inside.port)
        writer.write(head("/x", "Content-Length: 3", "Expect: 100-Continue"))
        told = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"abc")

        answer = await reader.read()

        writer.close()
        assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (answer[:12], inside.bodies) == (b"HTTP/1.1 200", [b"abc"])


async def test_a_declared_length_over_the_cap_is_refused_before_100_continue() -> None:
    """That is what the expectation is for."""
    async with door(max_body=2) as inside:
        answer = await inside.say(
            head("/x", "Content-Length: 3", "Expect: 100-continue")
        )

        assert answer.startswith(b"HTTP/1.1 413")


async def test_a_full_house_refuses_at_once() -> None:
    """A queue without end is an outage that nobody sees."""
    async with door(max_in_flight=1, max_queue=1) as inside:
        inside.gate.clear()
        most = 1 + 1 + 8  # uploads have slots of their own
        waiting = [asyncio.create_task(inside.say(sized(b"x"))) for _ in range(most)]
        await inside.filled_by(most)

        answer = await inside.say(sized(b"x"))
        inside.gate.set()
        answers = await asyncio.gather(*waiting)

        assert answer.startswith(b"HTTP/1.1 503")
        assert inside.refused == ["overloaded"]
        assert all(one.startswith(b"HTTP/1.1 200") for one in answers)


async def test_while_draining_nobody_is_let_in() -> None:
    """What was accepted is finished, what comes goes elsewhere."""
    async with door() as inside:
        inside.stage.draining = True

        await inside.say(sized(b"x"))

        assert (inside.refused, inside.bodies) == (["draining"], [])


TOKEN = head("/auth/token", "Content-Length: 20000")
Held = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def hold(inside: Door, raw: bytes, count: int) -> list[Held]:
    """Begin requests that do not go on."""
    held = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", inside.port)
        writer.write(raw)
        held.append((reader, writer))
    return held


async def first_line(held: Held) -> bytes:
    async with asyncio.timeout(5):
        return await held[0].readline()


async def test_bodies_of_strangers_hold_no_place_of_a_caller() -> None:
    """Anybody who can connect can send half a request for a token."""
    async with door(max_in_flight=1, max_queue=1) as inside:
        raw = head("/auth/token", "Content-Length: 100") + b"{"
        strangers = await hold(inside, raw, UNIDENTIFIED)
        newer = await hold(inside, raw, 6)
        dropped = [await first_line(one) for one in strangers[:6]]

        answers = [await inside.say(sized(b"x")) for _ in range(3)]
        granted = await inside.say(sized(b"{}", "/auth/token"))

        assert all(one.startswith(b"HTTP/1.1 503") for one in dropped)
        assert all(one.startswith(b"HTTP/1.1 200") for one in (*answers, granted))
        assert inside.stage.inside == 0
        for _, writer in (*strangers, *newer):
            writer.close()


async def test_a_stranger_has_two_seconds_and_16_kib(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A request for a token has some hundred bytes, which come at once."""
    monkeypatch.setattr("gateway.admission.stage.UNIDENTIFIED_TIMEOUT", 0.01)
    async with door() as inside:
        large = await inside.say(TOKEN)
        (slow,) = await hold(inside, head("/auth/token", "Content-Length: 9"), 1)

        assert large.startswith(b"HTTP/1.1 413")
        assert (await first_line(slow)).startswith(b"HTTP/1.1 400")
        slow[1].close()
    assert (UNIDENTIFIED_CAP, UNIDENTIFIED_TIMEOUT) == (16 * 1024, 2.0)


async def test_slow_bodies_of_a_caller_refuse_nobody_else() -> None:
    """One service with a broken client must not stop the others."""
    async with door(max_in_flight=2, max_queue=10) as inside:
        raw = head("/x", "X-Caller: slow", "Content-Length: 100") + b"{"
        slow = await hold(inside, raw, 20)
        await inside.refusals(1)

        answers = [
            await inside.say(sized(b"x", "/x", "X-Caller: quick")) for _ in range(9)
        ]

        assert all(one.startswith(b"HTTP/1.1 200") for one in answers)
        assert {await first_line(slow[-1])} == {b"HTTP/1.1 503 Service Unavailable\r\n"}
        for _, writer in slow:
            writer.close()


async def test_a_body_in_pieces_takes_the_place_of_a_slow_one() -> None:
    """A caller that sends one body has a better claim than who sends twenty."""
    async with door(max_in_flight=2, max_queue=10) as inside:
        raw = head("/x", "X-Caller: slow", "Content-Length: 100") + b"{"
        slow = await hold(inside, raw, 20)
        await inside.refusals(1)

        answer = await inside.say(
            head("/x", "X-Caller: quick", "Content-Length: 2"), b"x", b"y", wait=0.01
        )

        assert answer.startswith(b"HTTP/1.1 200")
        assert (await first_line(slow[0])).startswith(b"HTTP/1.1 503")
        for _, writer in slow:
            writer.close()
