"""A connection to a subscriber: what counts of a response, however it arrives."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.subscribers.connection import (
    ConnectionEnded,
    SubscriberConnection,
)

CHUNKED = (
    b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 503 No\r\nRetry-After: 7\r\ntransfer-encoding: Chunked\r\n\r\n"
    b"5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n"
)


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.waiting = 0
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


class Scene:
    """A connection, its transport, and whether it was given back."""

    def __init__(self) -> None:
        self.returned: list[SubscriberConnection] = []
        loop = asyncio.get_running_loop()
        self.connection = SubscriberConnection(loop, self.returned.append)
        self.wire = Wire()
        self.connection.connection_made(self.wire)


async def test_a_response_may_arrive_a_byte_at_a_time() -> None:
    """Chunks, trailers and interim responses are taken where they are cut."""
    scene = Scene()
    reply = scene.connection.send(b"request")

    for position in range(len(CHUNKED)):
        assert not scene.returned
        scene.connection.data_received(CHUNKED[position : position + 1])

    assert scene.wire.written == b"request"
    assert (await reply).status == 503
    assert (await reply).headers["retry-after"] == "7"
    assert scene.returned == [scene.connection]


async def test_a_2xx_status_counts_before_the_rest_is_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The delivery does not wait for the rest; the connection can be used after it."""
    monkeypatch.setattr("gateway.subscribers.connection._REST_TIMEOUT", 0.0)
    scene = Scene()
    response = scene.connection.send(b"")

    scene.connection.data_received(b"HTTP/1.1 200 ")
    first = response.result()
    scene.connection.data_received(b"OK\r\nContent-Length: 2\r\n\r\no")
    scene.connection.data_received(b"k")
    await asyncio.sleep(0.01)

    assert first.status == 200
    assert scene.returned == [scene.connection]
    assert not scene.wire.closed


async def test_the_rest_of_a_response_is_not_awaited_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A subscriber that sends half a body would hold a connection each time."""
    monkeypatch.setattr("gateway.subscribers.connection._REST_TIMEOUT", 0.0)
    scene = Scene()
    response = scene.connection.send(b"")

    scene.connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
    await asyncio.sleep(0.01)

    assert response.result().status == 200
    assert scene.wire.closed
    assert not scene.returned


async def test_each_request_has_a_status_of_its_own() -> None:
    """The 200 of one delivery must not end the next, which a 503 refuses."""
    scene = Scene()
    first = scene.connection.send(b"")
    scene.connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    second = scene.connection.send(b"")
    for part in (b"HT", b"TP/1.1 5", b"03 No\r\nContent-Length: 0\r\n\r\n"):
        assert not second.done()
        scene.connection.data_received(part)

    assert (first.result().status, second.result().status) == (200, 503)


async def test_two_responses_to_one_request_end_the_connection() -> None:
    """The second one would be taken for the response to the next delivery."""
    scene = Scene()
    response = scene.connection.send(b"")

    scene.connection.data_received(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n" * 2)

    assert response.result().status == 503
    assert not scene.returned
    assert scene.wire.closed


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 2", id="no-status"),
        pytest.param(b"HTTP/2 200 OK\r\n", id="another-version"),
        pytest.param(b"HTTP/1.1 2000 OK\r\n", id="no-number"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="interim-alone"),
    ],
)
async def test_without_a_status_there_is_no_reply(said: bytes) -> None:
    """Nothing can be told of the delivery."""
    scene = Scene()
    reply = scene.connection.send(b"")

    scene.connection.data_received(said)
    scene.connection.connection_lost(None)

    with pytest.raises(ConnectionEnded):
        await reply
    assert not scene.connection.usable


async def test_what_nobody_asked_for_ends_the_connection() -> None:
    """It would be taken for the response to the next delivery."""
    scene = Scene()

    scene.connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n")

    assert scene.wire.closed
    with pytest.raises(ConnectionEnded):
        await scene.connection.send(b"")


async def test_a_response_before_the_end_of_the_request_ends_the_connection() -> None:
    """The rest of the request would be taken for the next one."""
    scene = Scene()
    reply = scene.connection.send(b"large")
    scene.wire.waiting = 9

    scene.connection.data_received(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")

    assert (await reply).status == 413
    assert not scene.returned
    assert scene.wire.closed


async def test_a_line_of_chunks_without_an_end_is_given_up() -> None:
    """Nothing is kept without a bound."""
    scene = Scene()
    reply = scene.connection.send(b"")
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    scene.connection.data_received(head + b"1" * 2000)

    assert (await reply).status == 200
    assert scene.wire.closed


@given(
    status=st.integers(200, 299),
    ends=st.sampled_from([b" ", b"\r\n", b" OK\r\n", b" OK\nX: y\r\n"]),
    rest=st.lists(st.binary(max_size=40), max_size=5),
)
def test_a_2xx_status_line_ends_a_delivery_whatever_follows_it(
    status: int, ends: bytes, rest: list[bytes]
) -> None:
    """A subscriber must not get an event again since its response is malformed."""

    async def deliver() -> int:
        scene = Scene()
        response = scene.connection.send(b"")
        for part in (b"HTTP/1.1 %d" % status + ends, *rest):
            scene.connection.data_received(part)
        scene.connection.connection_lost(None)
        return (await response).status

    assert asyncio.run(deliver()) == status
