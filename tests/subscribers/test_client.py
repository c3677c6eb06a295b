"""The client: one POST to a subscriber, and its result."""

from collections.abc import AsyncIterator

import pytest

from gateway.inbox.options import SubscriberOptions
from gateway.inbox.policy import AttemptResult
from gateway.subscribers.client import HttpSubscriberClient
from gateway.upstream.resolver import Resolver
from tests.upstreams import DROP, RESET, ScriptedUpstream, Step, answer

HEADERS = [("webhook-id", "evt_1"), ("Content-Type", "application/json")]


@pytest.fixture
async def client() -> AsyncIterator[HttpSubscriberClient]:
    made = HttpSubscriberClient(resolver=Resolver(), clock=lambda: 1_790_000_000.0)
    yield made
    await made.close()


def to(url: str, timeout: float = 5.0) -> SubscriberOptions:
    return SubscriberOptions(name="a", url=url, events=("*",), timeout=timeout)


async def test_the_bytes_arrive_with_the_headers_that_were_given(
    client: HttpSubscriberClient, upstream: ScriptedUpstream
) -> None:
    """And none that were invented: a signature covers what is sent."""
    upstream.default = Step(answer(204, b""))
    done = await client.send(
        to(f"{upstream.base_url}/hook%2Fx"), HEADERS, b'{"a": 1}\xff'
    )

    (seen,) = upstream.requests
    assert done == AttemptResult(204)
    assert (seen.method, seen.body) == ("POST", b'{"a": 1}\xff')
    assert seen.target.endswith("/hook%2Fx")
    names = {name.lower() for name, _ in seen.headers}
    assert names == {
        b"host",
        b"webhook-id",
        b"content-type",
        b"content-length",
        b"user-agent",
    }


@pytest.mark.parametrize(
    ("step", "done"),
    [
        pytest.param(Step(answer(500)), AttemptResult(500), id="500"),
        pytest.param(Step(answer(410)), AttemptResult(410), id="410"),
        pytest.param(
            Step(answer(302, headers=[("Location", "http://127.0.0.1:1/")])),
            AttemptResult(302),
            id="redirect",
        ),
        pytest.param(
            Step(answer(503, headers=[("Retry-After", "7")])),
            AttemptResult(503, 7.0),
            id="wait",
        ),
        pytest.param(
            Step(
                answer(503, headers=[("Retry-After", "Mon, 21 Sep 2026 14:13:30 GMT")])
            ),
            AttemptResult(503, 10.0),
            id="wait-until",
        ),
        pytest.param(
            Step(answer(503, headers=[("Retry-After", "soon")])),
            AttemptResult(503),
            id="a-word",
        ),
        pytest.param(DROP, AttemptResult(None, error="dropped"), id="dropped"),
        pytest.param(RESET, AttemptResult(None, error="dropped"), id="reset"),
        pytest.param(
            Step(answer(200, b"{}", length=50), "close"),
            AttemptResult(200),
            id="cut-after-its-status",
        ),
        pytest.param(
            Step(b"nonsense\r\n\r\n"), AttemptResult(None, error="dropped"), id="noise"
        ),
        pytest.param(
            Step(answer(200, headers=[("X-Trace", "x" * 9 * 1024)])),
            AttemptResult(200),
            id="a-field-of-9-kib",
        ),
        pytest.param(
            Step(answer(200, headers=[("X-Trace", "x" * 99 * 1024)])),
            AttemptResult(200),
            id="a-head-beyond-all-bounds",
        ),
        pytest.param(
            Step(b"HTTP/1.1 204 \r\nno field\x00\r\n\r\n"),
            AttemptResult(204),
            id="no-fields",
        ),
        pytest.param(
            Step(b"HTTP/1.1 200 OK\r\nX: ", "close"), AttemptResult(200), id="cut-head"
        ),
        pytest.param(
            Step(b"HTTP/1.1 200 OK\r\nX: ", "reset"), AttemptResult(200), id="reset-in"
        ),
        pytest.param(
            Step(answer(200, headers=[("Transfer-Encoding", "gzip")])),
            AttemptResult(200),
            id="two-lengths",
        ),
        pytest.param(
            Step(b"HTTP/1.1 500 No\r\nRetry-After: 9", "close"),
            AttemptResult(500),
            id="cut-500",
        ),
        pytest.param(
            Step(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer(202)),
            AttemptResult(202),
            id="after-an-interim-one",
        ),
        pytest.param(
            Step(b"HTTP/1.1 101 Switching\r\n\r\n"),
            AttemptResult(101),
            id="another-protocol",
        ),
        pytest.param(
            Step(b"HTTP/1.0 200 OK\n\nok", "close"), AttemptResult(200), id="http-1.0"
        ),
    ],
)
async def test_how_it_went_is_told_and_never_raised(
    client: HttpSubscriberClient,
    upstream: ScriptedUpstream,
    step: Step,
    done: AttemptResult,
) -> None:
    """A subscriber can answer anything."""
    upstream.default = step

    assert await client.send(to(upstream.base_url), HEADERS, b"x") == done
    assert len(upstream.requests) == 1


async def test_an_answer_that_does_not_come_is_not_waited_for(
    client: HttpSubscriberClient, upstream: ScriptedUpstream
) -> None:
    """Its timeout is for everything, the body included."""
    upstream.default = Step(held=True)

    done = await client.send(to(upstream.base_url, 0.1), HEADERS, b"x")

    assert done == AttemptResult(None, error="timeout")


async def test_a_status_that_came_is_told_whatever_is_awaited_after_it(
    client: HttpSubscriberClient, upstream: ScriptedUpstream
) -> None:
    """A 500 whose fields do not come is a 500."""
    upstream.default = Step(b"HTTP/1.1 500 No\r\nX: ")

    done = await client.send(to(upstream.base_url, 0.1), HEADERS, b"x")

    assert done == AttemptResult(500)


async def test_deliveries_share_a_connection(
    client: HttpSubscriberClient, upstream: ScriptedUpstream
) -> None:
    """One for each would cost more than the delivery; chunked bodies are no reason."""
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    )
    upstream.script(Step(answer(204, b"")), Step(chunked), Step(answer(500)))
    done = [await client.send(to(upstream.base_url), HEADERS, b"x") for _ in range(4)]

    assert [one.status for one in done] == [204, 200, 500, 200]
    assert {one.connection for one in upstream.requests} == {
        upstream.requests[0].connection
    }


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(Step(answer(200) + b"more"), id="said-more"),
        pytest.param(Step(answer(200, headers=[("Connection", "Close")])), id="close"),
        pytest.param(Step(b"HTTP/1.1 200 OK\r\n\r\n"), id="without-an-end"),
        pytest.param(Step(answer(200, length=99_999_999_999)), id="endless"),
        pytest.param(Step(answer(200, headers=[("Content-Length", "1")])), id="twice"),
        pytest.param(
            Step(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"),
            id="no-chunks",
        ),
    ],
)
async def test_a_connection_that_is_in_doubt_is_used_no_more(
    client: HttpSubscriberClient, upstream: ScriptedUpstream, step: Step
) -> None:
    """What is left over of one response would be taken for the next."""
    upstream.script(step)

    done = [await client.send(to(upstream.base_url), HEADERS, b"x") for _ in range(2)]

    assert done == [AttemptResult(200), AttemptResult(200)]
    first, second = upstream.requests
    assert first.connection != second.connection


async def test_a_header_that_would_be_two_is_not_sent(
    client: HttpSubscriberClient, upstream: ScriptedUpstream
) -> None:
    """A recovered file may hold anything."""
    done = await client.send(
        to(upstream.base_url), [("webhook-id", "a\r\nX-Other: b")], b"x"
    )

    assert done == AttemptResult(None, error="dropped")
    assert upstream.requests == []


async def test_nobody_listens(client: HttpSubscriberClient) -> None:
    """The subscriber is being deployed."""
    done = await client.send(to("http://127.0.0.1:1/hook"), HEADERS, b"x")

    assert done == AttemptResult(None, error="connect")


async def test_an_endless_answer_is_read_no_further(
    client: HttpSubscriberClient, upstream: ScriptedUpstream
) -> None:
    """Its status is all that counts."""
    upstream.default = Step(answer(200, b"x" * 300_000, length=10**9))

    assert await client.send(to(upstream.base_url), HEADERS, b"x") == AttemptResult(200)
