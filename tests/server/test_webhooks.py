"""The webhook listener: what comes from strangers is one of four statuses."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.inbox.hostile import BROKEN, HOSTILE, LARGE, raw
from tests.inbox.scene import BODY, SECRET, headers
from tests.server.webhook_scene import Scene, listening


@pytest.fixture(autouse=True)
def _short_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a refused caller's body read for a tenth of a second instead of two."""
    monkeypatch.setattr("gateway.server.listeners._LINGER", 0.1)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with listening(tmp_path) as made:
        yield made


async def test_a_good_delivery_is_a_200_and_on_disk(scene: Scene) -> None:
    """An empty answer: nobody reads it."""
    assert await scene.say(raw()) == 200

    kept = await scene.inbox.queries.one("evt_1")
    assert kept is not None
    assert kept["body"] == BODY


async def test_bytes_are_kept_as_they_came_whatever_they_are_called(
    scene: Scene,
) -> None:
    """The signature is over these bytes, and so is a subscriber's."""
    body = gzip.compress(BODY)
    fields = headers(body=body, at=time.time()) | {
        "Content-Encoding": "gzip",
        "Content-Type": "application/json",
    }

    assert await scene.say(raw(fields, body)) == 200
    kept = await scene.inbox.queries.one("evt_1")
    assert kept is not None
    assert (kept["body"], kept["event_type"]) == (body, "unknown")


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_delivery_is_a_401(scene: Scene, name: str) -> None:
    """No detail, nothing kept, nothing in the log but one line."""
    with capture_logs() as logs:
        status = await scene.say(HOSTILE[name]())

    assert status == 401
    assert scene.observed.webhooks in (
        ["bad_signature"],
        ["bad_timestamp"],
        ["malformed"],
    )
    assert await scene.inbox.queries.events() == 0
    assert logs == []


@pytest.mark.parametrize("name", LARGE)
async def test_a_large_one_is_a_413(scene: Scene, name: str) -> None:
    """Before it is read, where it says so itself."""
    assert await scene.say(LARGE[name]()) == 413
    assert scene.observed.webhooks == ["too_large"]


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_no_request_is_refused_quietly(scene: Scene, name: str) -> None:
    """By the parser or by us; no traceback, and the listener lives."""
    with capture_logs() as logs:
        status = await scene.say(BROKEN[name](), end=True)

    assert status in {0, 400, 401, 413, 431}
    assert not [line for line in logs if line["log_level"] == "error"]
    assert await scene.say(raw()) == 200


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /webhooks/dinie HTTP/1.1", 405),
        (b"PUT /webhooks/dinie HTTP/1.1", 405),
        (b"POST / HTTP/1.1", 404),
        (b"POST /webhooks/dinie/ HTTP/1.1", 404),
        (b"POST /webhooks/../webhooks/dinie HTTP/1.1", 404),
        (b"POST /webhooks%2Fdinie HTTP/1.1", 404),
        (b"POST /metrics HTTP/1.1", 404),
        (b"POST /webhooks/dinie?x=1 HTTP/1.1", 200),
    ],
)
async def test_there_is_one_path_and_one_method(
    scene: Scene, line: bytes, status: int
) -> None:
    """This listener faces the internet."""
    assert await scene.say(raw(line=line)) == status


async def test_who_asks_first_is_told_to_go_on(scene: Scene) -> None:
    """Some senders wait for it."""
    fields = [f"{k}: {v}".encode() for k, v in headers(at=time.time()).items()]
    head, _, body = raw([*fields, b"Expect: 100-continue"]).partition(b"\r\n\r\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(head + b"\r\n\r\n")
    interim = await reader.readuntil(b"\r\n\r\n")
    writer.write(body)
    answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()

    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_never_ends_is_not_waited_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dinie itself gives up after five seconds."""
    monkeypatch.setattr("gateway.server.webhooks._BODY_TIMEOUT", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(raw()[:-5])
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert scene.observed.webhooks == ["malformed"]


async def test_strangers_take_no_place_of_a_good_delivery(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head that cannot be good is answered before its body is awaited."""
    monkeypatch.setattr("gateway.server.webhooks._MOST_AWAITED", 1)
    head = raw(headers(at=time.time() - 3600.0)).partition(b"\r\n\r\n")[0]
    strangers = [
        await asyncio.open_connection("127.0.0.1", scene.port) for _ in range(5)
    ]
    for _, writer in strangers:
        writer.write(head + b"\r\n\r\n")
    answers = [await reader.readline() for reader, _ in strangers]

    assert await scene.say(raw()) == 200
    assert all(line.startswith(b"HTTP/1.1 401 ") for line in answers)
    for _, writer in strangers:
        writer.close()


async def test_a_slow_body_is_awaited_for_less_while_many_are(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever knows the time can hold a place; not for long where few are left."""
    monkeypatch.setattr("gateway.server.webhooks._CROWD", 1)
    monkeypatch.setattr("gateway.server.webhooks._CROWDED_BODY_TIMEOUT", 0.05)
    slow = [await asyncio.open_connection("127.0.0.1", scene.port) for _ in range(2)]
    for _, writer in slow:
        writer.write(raw()[:-5])
    done, pending = await asyncio.wait(
        [asyncio.ensure_future(reader.readline()) for reader, _ in slow],
        timeout=5,
        return_when=asyncio.FIRST_COMPLETED,
    )

    assert [task.result()[:12] for task in done] == [b"HTTP/1.1 408"]
    assert await scene.say(raw()) == 200
    for task in pending:
        task.cancel()
    for _, writer in slow:
        writer.close()


async def test_a_body_that_is_there_is_read_although_its_time_is_over(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop was held up; the delivery was not."""
    monkeypatch.setattr("gateway.server.webhooks._BODY_TIMEOUT", 0.05)
    whole = raw()
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(whole[:-5])
    while not len(scene.handler._arrivals):  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0)
    writer.write(whole[-5:])
    time.sleep(0.2)  # noqa: ASYNC251 - this holds the loop up
    answer = await asyncio.wait_for(reader.readline(), 5)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_too_many_at_once_are_asked_to_come_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded, also against slow senders."""
    monkeypatch.setattr("gateway.server.webhooks._MOST_STORING", 0)

    assert await scene.say(raw()) == 503
    assert scene.observed.webhooks == ["unavailable"]


async def test_a_fault_of_ours_is_a_503_without_detail(scene: Scene) -> None:
    """Dinie sends again what our mistake kept out."""

    async def broken(*_: object) -> int:
        raise LookupError(SECRET)

    scene.handler._receiver.receive = broken  # type: ignore[method-assign,assignment]
    with capture_logs() as logs:
        status = await scene.say(raw())

    assert status == 503
    assert SECRET not in str(logs)


async def test_a_drain_ends_each_connection_with_its_answer(scene: Scene) -> None:
    """Dinie's next delivery finds the gateway that follows."""
    scene.handler.closing = True
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(raw())
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in answer.lower()
