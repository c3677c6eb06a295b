"""The gateway's own calls, repeated on a clock that does not have to be waited for."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import (
    ClientConnectorError,
    ClientPayloadError,
    ClientSession,
    ClientTimeout,
    ServerDisconnectedError,
    TCPConnector,
)
from yarl import URL

from gateway.core.backoff import full_jitter
from gateway.upstream.retrying import (
    Headers,
    Received,
    RetryRules,
    backoff,
    request,
)
from tests.fakes import FakeClock
from tests.upstreams import DROP, ScriptedUpstream, Step, answer

FAILED = Step(answer(503, b"{}"))


@dataclass
class Calls:
    """Sends requests over one connection, with headers that are counted."""

    session: ClientSession
    url: URL
    clock: FakeClock = field(default_factory=FakeClock)
    headers: int = 0  # times they were asked for

    async def numbered(self) -> Headers:
        self.headers += 1
        return {"X-Attempt": str(self.headers)}

    async def send(self, rules: RetryRules, method: str = "GET") -> Received:
        return await request(
            self.session,
            method,
            self.url,
            rules=rules,
            clock=self.clock,
            headers=self.numbered,
        )


@pytest.fixture
async def calls(upstream: ScriptedUpstream) -> AsyncIterator[Calls]:
    """Yield calls with a pool of one, in which an unread response blocks the next."""
    async with ClientSession(
        connector=TCPConnector(limit=1), timeout=ClientTimeout(total=5)
    ) as session:
        yield Calls(session, URL(upstream.base_url + "/banks"))


def rules(
    *,
    attempts: int = 4,
    largest: int = 1024,
    repeats: Callable[[Received], bool] = lambda received: received.status == 503,
    exceptions: tuple[type[Exception], ...] = (ServerDisconnectedError,),
) -> RetryRules:
    return RetryRules(
        attempts=attempts,
        largest=largest,
        repeats=repeats,
        wait=lambda retry, asked: backoff(retry, asked, random=0.5),
        exceptions=exceptions,
    )


async def test_each_attempt_waits_on_the_gateway_s_clock_and_has_headers_of_its_own(
    upstream: ScriptedUpstream, calls: Calls
) -> None:
    """A token that a 401 has ended must not be sent with the next attempt again."""
    upstream.script(FAILED, DROP, FAILED, Step(answer(200, b"ok")))

    # A POST: aiohttp sends a GET twice by itself where a kept connection drops.
    received = await calls.send(rules(), "POST")

    assert (received.status, received.body) == (200, b"ok")
    assert [one.all("X-Attempt") for one in upstream.requests] == [
        ["1"],
        ["2"],
        ["3"],
        ["4"],
    ]
    assert calls.clock.slept == [0.5, 1.0, 2.0]


async def test_the_wait_that_dinie_asks_for_is_slept(
    upstream: ScriptedUpstream, calls: Calls
) -> None:
    """The library reads no Retry-After."""
    asked = Step(answer(503, b"{}", [("Retry-After", "7")]))
    upstream.script(asked, Step(answer(200, b"")))

    await calls.send(rules())

    assert calls.clock.slept == [7.0]


async def test_the_last_response_is_returned_whatever_it_says(
    upstream: ScriptedUpstream, calls: Calls
) -> None:
    """The library does not have its last attempt judged."""
    upstream.default = FAILED

    received = await calls.send(rules(attempts=2), "POST")

    assert (received.status, received.body) == (503, b"{}")
    assert [one.method for one in upstream.requests] == ["POST", "POST"]


@pytest.mark.parametrize("status", [500, 502, 429, 404])
async def test_only_what_the_rules_name_is_repeated(
    upstream: ScriptedUpstream, calls: Calls, status: int
) -> None:
    """The library's own switch repeats every 5xx, a refusal among them."""
    upstream.default = Step(answer(status, b"{}"))

    received = await calls.send(rules())

    assert (received.status, len(upstream.requests)) == (status, 1)


async def test_an_exception_that_is_not_listed_ends_the_call(
    upstream: ScriptedUpstream, calls: Calls
) -> None:
    """It is the caller's to judge."""
    upstream.default = DROP

    with pytest.raises(ServerDisconnectedError):
        await calls.send(rules(exceptions=(ClientConnectorError,)))

    assert (calls.headers, calls.clock.slept) == (1, [])


async def test_the_last_exception_is_raised(
    upstream: ScriptedUpstream, calls: Calls
) -> None:
    """A response that came before says nothing any more."""
    upstream.script(FAILED)
    upstream.default = DROP

    with pytest.raises(ServerDisconnectedError):
        await calls.send(rules(attempts=2), "POST")

    assert len(upstream.requests) == 2


async def test_a_large_failure_does_not_block_a_pool_of_one(
    upstream: ScriptedUpstream, calls: Calls
) -> None:
    """The library goes on to the next attempt with the response unread."""
    large = Step(answer(503, b"x" * 2_000_000))
    upstream.script(large, large, Step(answer(200, b"y" * 5000)))

    received = await calls.send(rules())

    assert (received.status, received.body) == (200, b"y" * 1024)


async def test_a_response_that_is_cut_is_repeated(
    upstream: ScriptedUpstream, calls: Calls
) -> None:
    """The library takes a call for done once it has the response's headers."""
    upstream.script(
        Step(answer(200, b"{", length=9), "close"), Step(answer(200, b"{}"))
    )

    received = await calls.send(rules(exceptions=(ClientPayloadError,)))

    assert (received.body, len(upstream.requests)) == (b"{}", 2)


async def test_headers_that_cannot_be_had_end_the_call(
    upstream: ScriptedUpstream, calls: Calls
) -> None:
    """Without a token nothing is sent."""

    async def refused() -> Headers:
        raise LookupError

    with pytest.raises(LookupError):
        await request(
            calls.session,
            "GET",
            calls.url,
            rules=rules(),
            clock=calls.clock,
            headers=refused,
        )

    assert upstream.requests == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(None, full_jitter(2, base=1.0, cap=8.0, random=0.25), id="own"),
        pytest.param(0.0, 0.0, id="at-once"),
        pytest.param(20.0, 20.0, id="asked"),
    ],
)
def test_what_the_server_asks_for_goes_before_the_backoff(
    asked: float | None, expected: float
) -> None:
    """Sooner than asked is refused again, later is time lost."""
    assert backoff(3, asked, random=0.25) == expected
