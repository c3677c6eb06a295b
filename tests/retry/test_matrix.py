"""Each row of "What is retried" (docs/adr/0005), on a whole gateway."""

import socket

import pytest

from tests.inprocess import Stack, running_stack
from tests.upstreams import (
    DROP,
    RESET,
    ScriptedUpstream,
    Step,
    answer,
)

OK = Step(answer(200, b'{"ok":true}'))
BARE = Step(answer(200, b""))
CUT = Step(answer(200, b'{"ok', length=100), "close")
GARBAGE = Step(b"HTTP/1.1 two hundred\r\n\r\n", "close")
SESSION = "/v3/biometrics/session-exchange"


@pytest.fixture(autouse=True)
def _short_cooldown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a 429 that names no wait close the quota for 20 ms instead of a second."""
    monkeypatch.setattr("gateway.ratelimit.cooldown._FIRST", 0.02)


def _status(status: int) -> Step:
    return Step(answer(status, b'{"status":%d}' % status))


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "POST"]
)
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(DROP, id="dropped"),
        pytest.param(RESET, id="reset"),
        pytest.param(GARBAGE, id="garbage"),
        *(
            pytest.param(_status(status), id=str(status))
            for status in (408, 429, 500, 502, 503, 504)
        ),
    ],
)
async def test_a_passing_fault_is_retried_for_every_method(
    stack: Stack, upstream: ScriptedUpstream, method: str, fault: Step
) -> None:
    """One hiccup of Dinie must not reach a customer; one send must be one send."""
    if method == "HEAD":  # its answers have no body
        fault = Step(fault.send.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", fault.then)
    upstream.script(fault if fault.send.strip() else DROP, BARE)

    said = await stack.ask(method, "/v3/customers")

    assert (said.status, said.attempts, len(upstream.requests)) == (200, 2, 2)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "POST"])
async def test_a_cut_answer_is_retried_instead_of_relayed(
    stack: Stack, upstream: ScriptedUpstream, method: str
) -> None:
    """Half a JSON body looks like a success until it is parsed."""
    upstream.script(CUT, OK)

    said = await stack.ask(method, "/v3/customers")

    assert (said.status, said.body, said.attempts) == (200, b'{"ok":true}', 2)


async def test_every_attempt_carries_the_same_key_and_bytes(
    stack: Stack, upstream: ScriptedUpstream
) -> None:
    """Another key on a retry is a second loan."""
    upstream.script(DROP, _status(500), OK)

    said = await stack.ask("POST", "/v3/loans", body=b'{"amount":1}')

    keys = {key for sent in upstream.requests for key in sent.all("Idempotency-Key")}
    assert keys == {said.headers["Idempotency-Key"]}
    assert {sent.body for sent in upstream.requests} == {b'{"amount":1}'}
    assert said.attempts == 3


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 422, 501, 505])
async def test_other_refusals_are_relayed_at_once(
    stack: Stack, upstream: ScriptedUpstream, status: int
) -> None:
    """A 422 names the field that is wrong: the caller needs it, not a retry."""
    upstream.script(_status(status))

    said = await stack.ask("POST", "/v3/loans")

    assert (said.status, said.body, said.attempts) == (
        status,
        b'{"status":%d}' % status,
        1,
    )


@pytest.mark.parametrize(
    ("fault", "slug", "status"),
    [
        pytest.param(DROP, "outcome-unknown", 504, id="dropped"),
        pytest.param(CUT, "outcome-unknown", 504, id="cut"),
        pytest.param(_status(500), None, 500, id="500"),
        pytest.param(_status(503), None, 503, id="503"),
    ],
)
async def test_a_session_exchange_is_never_repeated_once_sent(
    stack: Stack, upstream: ScriptedUpstream, fault: Step, slug: str | None, status: int
) -> None:
    """Its code is good for one use: a repeat would burn the customer's session."""
    upstream.default = fault

    said = await stack.ask("POST", SESSION, body=b'{"code":"x"}')

    assert (said.slug, said.status, len(upstream.requests)) == (slug, status, 1)


async def test_a_session_exchange_is_repeated_after_a_429(
    stack: Stack, upstream: ScriptedUpstream
) -> None:
    """A 429 was not executed."""
    upstream.script(_status(429), OK)

    said = await stack.ask("POST", SESSION, body=b'{"code":"x"}')

    assert (said.status, said.attempts) == (200, 2)


@pytest.mark.parametrize(
    ("method", "fault", "slug", "status"),
    [
        pytest.param("POST", DROP, "outcome-unknown", 504, id="POST-dropped"),
        pytest.param("POST", CUT, "outcome-unknown", 504, id="POST-cut"),
        pytest.param("POST", GARBAGE, "outcome-unknown", 504, id="POST-garbage"),
        pytest.param("GET", DROP, "upstream-protocol", 502, id="GET-dropped"),
        pytest.param("GET", CUT, "upstream-protocol", 502, id="GET-cut"),
        pytest.param("PATCH", DROP, "upstream-protocol", 502, id="PATCH-dropped"),
        pytest.param("DELETE", GARBAGE, "upstream-protocol", 502, id="DELETE-garbage"),
    ],
)
async def test_a_lasting_fault_ends_in_the_right_problem(  # noqa: PLR0917 - a table
    stack: Stack,
    upstream: ScriptedUpstream,
    method: str,
    fault: Step,
    slug: str,
    status: int,
) -> None:
    """Whether to repeat is the caller's question; the slug is its answer."""
    upstream.default = fault

    said = await stack.ask(method, "/v3/loans")

    assert (said.slug, said.status) == (slug, status)
    assert (said.attempts, len(upstream.requests)) == (4, 4)


async def test_an_unknown_outcome_names_the_key_to_repeat_with(
    stack: Stack, upstream: ScriptedUpstream
) -> None:
    """Without the minted key the caller could only make a second loan."""
    upstream.default = DROP

    said = await stack.ask("POST", "/v3/loans")

    assert said.headers["Idempotency-Key"].encode() in said.body


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_refused_connection_is_unreachable_and_was_never_sent(
    method: str,
) -> None:
    """`upstream-unreachable` promises that nothing took effect."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening: refused
        base_url = f"http://127.0.0.1:{held.getsockname()[1]}/v3"
        # A caller's own bearer needs no token, which could not be had either.
        async with running_stack(base_url) as stack:
            said = await stack.ask(
                method, "/v3/loans", headers={"Authorization": "Bearer customer"}
            )

    assert (said.slug, said.status, said.attempts) == ("upstream-unreachable", 502, 0)


async def test_silence_is_a_time_out_for_a_safe_method(
    upstream: ScriptedUpstream,
) -> None:
    """The caller may repeat a GET, and is told so."""
    upstream.default = Step(held=True)
    async with running_stack(upstream.base_url) as stack:
        await stack.admin("/readyz")
        said = await stack.ask(
            "GET", "/v3/loans", headers={"X-Request-Timeout-Ms": "500"}
        )
        upstream.release()

    assert (said.slug, said.status, said.attempts) == ("upstream-timeout", 504, 1)


async def test_silence_is_an_unknown_outcome_for_a_post(
    upstream: ScriptedUpstream,
) -> None:
    """The loan may exist."""
    upstream.default = Step(held=True)
    async with running_stack(upstream.base_url) as stack:
        said = await stack.ask(
            "POST", "/v3/loans", headers={"X-Request-Timeout-Ms": "500"}
        )
        upstream.release()

    assert (said.slug, said.status, said.attempts) == ("outcome-unknown", 504, 1)


async def test_a_caller_that_retries_itself_gets_two_attempts(
    stack: Stack, upstream: ScriptedUpstream
) -> None:
    """Four attempts of an SDK times four of ours would be sixteen."""
    upstream.default = _status(503)

    said = await stack.ask("GET", "/v3/loans", headers={"X-Dinie-Retry-Count": "1"})

    assert (said.status, said.attempts) == (503, 2)


async def test_a_wait_past_the_deadline_is_relayed_at_once(
    stack: Stack, upstream: ScriptedUpstream
) -> None:
    """Trying early would be refused again; sleeping past the deadline helps nobody."""
    upstream.default = Step(answer(503, b"{}", [("Retry-After", "100")]))

    said = await stack.ask("GET", "/v3/loans")

    assert (said.status, said.attempts) == (503, 1)
    assert said.headers["Retry-After"] == "100"


async def test_a_spent_budget_ends_the_retries_and_says_so(
    upstream: ScriptedUpstream,
) -> None:
    """When everything fails, retries make it worse."""
    upstream.default = _status(500)
    settings = ("retry.budget_burst=1", "retry.budget_ratio=0", "retry.budget_floor=0")
    async with running_stack(upstream.base_url, *settings) as stack:
        said = await stack.ask("GET", "/v3/loans")

    assert (said.status, said.attempts) == (500, 2)
    assert said.headers["X-Gateway-Retry"] == "budget"


async def test_a_large_refusal_does_not_hold_a_pool_of_one(
    upstream: ScriptedUpstream,
) -> None:
    """A failed answer that is not released would hang a small pool for good."""
    large = Step(answer(500, b"x" * 2_000_000))
    upstream.script(large, large, OK)
    settings = ("upstream.pool_size=9", "admission.max_in_flight=1")
    async with running_stack(upstream.base_url, *settings) as stack:
        said = await stack.ask("GET", "/v3/loans")

    assert (said.status, said.attempts) == (200, 3)


async def test_a_reused_connection_that_drops_is_one_attempt(
    stack: Stack, upstream: ScriptedUpstream
) -> None:
    """The client would send a GET again by itself, unseen by quota and budget."""
    await stack.ask("GET", "/v3/loans")
    upstream.script(DROP, DROP, OK)

    said = await stack.ask("GET", "/v3/loans")

    assert (said.attempts, len(upstream.requests)) == (3, 4)
