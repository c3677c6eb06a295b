"""RetryStage: the attempt loop over the real client, against a failing upstream."""

import socket

import pytest

from gateway.core.errors import (
    CircuitOpen,
    OutcomeUnknown,
    UpstreamProtocol,
    UpstreamUnreachable,
)
from gateway.retry.options import RetryOptions
from tests.retry.scene import GONE, scene
from tests.upstreams import DROP, ScriptedUpstream, Step, answer

OK = Step(answer(200, b'{"ok":true}'))
FAILED = Step(answer(500, b"{}"))
CUT = Step(answer(200, b'{"ok', length=100), "close")
MIB = 1024 * 1024


async def test_a_large_refusal_does_not_hang_a_pool_of_one(
    upstream: ScriptedUpstream,
) -> None:
    """A failed answer that is not released would hold the only connection for good."""
    large = Step(answer(500, b"x" * 2 * MIB))
    upstream.script(large, large, OK)
    async with scene(upstream.base_url, pool_size=1, slots=1) as stage:
        exchange = stage.exchange()

        response = await stage.send(exchange)

        assert (response.status, response.body) == (200, b'{"ok":true}')
        assert (exchange.history.sends, stage.bulkhead.in_flight) == (3, 0)


async def test_a_failed_answer_is_let_go_before_the_wait(
    upstream: ScriptedUpstream,
) -> None:
    """Whoever sleeps in a backoff must hold neither a slot nor a connection."""
    upstream.script(Step(answer(503, b"x" * 2 * MIB, [("Retry-After-Ms", "5")])), OK)
    held: list[int] = []
    async with scene(upstream.base_url, pool_size=1, slots=1) as stage:
        stage.breaker.on_admit = lambda: held.append(stage.bulkhead.in_flight)

        await stage.send(stage.exchange())

    assert held == [0, 0]


@pytest.mark.parametrize(
    "method",
    [pytest.param(one, id=one) for one in ("GET", "PUT", "DELETE", "PATCH", "POST")],
)
async def test_a_send_on_a_fresh_connection_that_drops_is_one_request(
    upstream: ScriptedUpstream, method: str
) -> None:
    """The client's hidden second send would be seen by no quota and no budget."""
    upstream.default = DROP
    options = RetryOptions(attempts=1)
    async with scene(upstream.base_url, options=options) as stage:
        exchange = stage.exchange(method)

        with pytest.raises((UpstreamProtocol, OutcomeUnknown)):
            await stage.send(exchange)

    assert (exchange.history.sends, len(upstream.requests)) == (1, 1)


async def test_a_send_on_a_reused_connection_that_drops_is_one_request(
    upstream: ScriptedUpstream,
) -> None:
    """It is there that the client repeats by itself."""
    upstream.script(OK, DROP)
    options = RetryOptions(attempts=1)
    async with scene(upstream.base_url, options=options) as stage:
        await stage.send(stage.exchange())
        exchange = stage.exchange("DELETE")

        with pytest.raises(UpstreamProtocol):
            await stage.send(exchange)

    assert (exchange.history.sends, len(upstream.requests), upstream.connections) == (
        1,
        2,
        1,
    )


async def test_the_last_refusal_still_says_how_long_to_wait(
    upstream: ScriptedUpstream,
) -> None:
    """Dinie may say it by X-RateLimit-Reset alone, which no SDK waits for."""
    upstream.script(FAILED, Step(answer(429, b"{}", [("X-RateLimit-Reset", "9")])))
    options = RetryOptions(attempts=2, base=0.001)
    async with scene(upstream.base_url, options=options) as stage:
        exchange = stage.exchange()

        response = await stage.send(exchange)

    assert (response.status, exchange.history.retry_after) == (429, 9.0)


async def test_an_answer_after_a_refusal_has_no_wait_left_over(
    upstream: ScriptedUpstream,
) -> None:
    """A 200 with a Retry-After would puzzle a caller."""
    upstream.script(Step(answer(503, b"{}", [("Retry-After-Ms", "1")])), OK)
    async with scene(upstream.base_url) as stage:
        exchange = stage.exchange()

        await stage.send(exchange)

    assert exchange.history.retry_after is None


async def test_identical_failures_under_one_key_are_counted(
    upstream: ScriptedUpstream,
) -> None:
    """A 500 that is stored under its key shows as the same one over and over."""
    upstream.default = FAILED
    async with scene(upstream.base_url) as stage:
        response = await stage.send(stage.exchange("POST"))

        assert (response.status, stage.observer.identical) == (500, 3)
        assert stage.observer.reasons == ["500", "500", "500"]


async def test_no_attempt_is_begun_for_a_caller_that_left(
    upstream: ScriptedUpstream,
) -> None:
    """Nobody would read the answer."""
    upstream.default = FAILED
    async with scene(upstream.base_url) as stage:
        exchange = stage.exchange()
        stage.breaker.on_record = lambda: setattr(exchange, "peer", GONE)

        response = await stage.send(exchange)

    assert (response.status, exchange.history.sends) == (500, 1)


async def test_a_caller_that_left_before_it_has_nothing_sent(
    upstream: ScriptedUpstream,
) -> None:
    """It waited for a slot or a permit, and gave up."""
    async with scene(upstream.base_url) as stage:
        exchange = stage.exchange(peer=GONE)

        with pytest.raises(UpstreamUnreachable, match="hung up"):
            await stage.send(exchange)

    assert (exchange.history.sends, upstream.requests) == (0, [])


async def test_no_wait_reaches_past_the_end_of_a_drain(
    upstream: ScriptedUpstream,
) -> None:
    """A retry that outlives the process is no retry."""
    upstream.default = FAILED
    async with scene(upstream.base_url) as stage:
        stage.horizon = stage.clock.now() + 0.25
        exchange = stage.exchange()

        await stage.send(exchange)

    assert exchange.history.sends == 1


async def test_no_attempt_is_begun_with_too_little_time(
    upstream: ScriptedUpstream,
) -> None:
    """An attempt that could only be cut off makes a known outcome unknown."""
    upstream.default = FAILED
    async with scene(upstream.base_url) as stage:
        exchange = stage.exchange(deadline=stage.clock.now() + 0.25)

        await stage.send(exchange)

    assert exchange.history.sends == 1


async def test_a_429_is_retried_although_the_budget_is_spent(
    upstream: ScriptedUpstream,
) -> None:
    """The limiter paces those; the budget is for what loads a failing upstream."""
    broke = RetryOptions(base=0.001, budget_ratio=0, budget_floor=0, budget_burst=0)
    upstream.script(Step(answer(429, b"{}")), FAILED)
    async with scene(upstream.base_url, options=broke) as stage:
        exchange = stage.exchange()

        response = await stage.send(exchange)

    assert (response.status, exchange.history.sends, exchange.history.note) == (
        500,
        2,
        "budget",
    )


async def test_a_429_for_a_caller_s_own_bearer_is_paid_by_the_budget(
    upstream: ScriptedUpstream,
) -> None:
    """The limiter knows nothing of its quota, so it does not pace the retries."""
    broke = RetryOptions(base=0.001, budget_ratio=0, budget_floor=0, budget_burst=0)
    upstream.script(Step(answer(429, b"{}")), FAILED)
    async with scene(upstream.base_url, options=broke) as stage:
        exchange = stage.exchange(own_bearer=True)

        response = await stage.send(exchange)

    assert (response.status, exchange.history.sends, exchange.history.note) == (
        429,
        1,
        "budget",
    )


async def test_the_breaker_hears_a_verdict_for_each_attempt(
    upstream: ScriptedUpstream,
) -> None:
    """A refusal of ours is no failure of Dinie's, a 429 is none either."""
    upstream.script(FAILED, DROP, Step(answer(429, b"{}", [("Retry-After", "0")])), OK)
    async with scene(upstream.base_url) as stage:
        await stage.send(stage.exchange())

        assert stage.breaker.verdicts == ["failure", "failure", "success", "success"]


async def test_an_open_circuit_spends_nothing(upstream: ScriptedUpstream) -> None:
    """Neither quota nor time, and Dinie is left alone."""
    async with scene(upstream.base_url) as stage:
        stage.breaker.refusal = CircuitOpen("open", retry_after=5.0)
        exchange = stage.exchange("POST")

        with pytest.raises(CircuitOpen):
            await stage.send(exchange)

    assert (exchange.history.sends, upstream.requests) == (0, [])


async def test_a_lost_post_stays_unknown_when_the_circuit_opens(
    upstream: ScriptedUpstream,
) -> None:
    """`circuit-open` would promise that nothing was sent."""
    upstream.default = CUT
    async with scene(upstream.base_url) as stage:

        def trip() -> None:
            stage.breaker.refusal = CircuitOpen("open")

        stage.observer.on_retry = trip

        with pytest.raises(OutcomeUnknown) as raised:
            await stage.send(stage.exchange("POST"))

    assert "Idempotency-Key: k-1" in raised.value.detail


async def test_an_unknown_effect_that_cannot_be_repeated_names_no_key(
    upstream: ScriptedUpstream,
) -> None:
    """Repeating would burn the customer's session."""
    upstream.default = DROP
    async with scene(upstream.base_url) as stage:
        exchange = stage.exchange("POST", repeatable=False)

        with pytest.raises(OutcomeUnknown) as raised:
            await stage.send(exchange)

    assert (exchange.history.sends, raised.value.retry_after) == (1, None)
    assert "k-1" not in raised.value.detail


async def test_nothing_sent_is_unreachable() -> None:
    """`upstream-unreachable` promises that nothing took effect."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening: refused
        async with scene(f"http://127.0.0.1:{held.getsockname()[1]}") as stage:
            exchange = stage.exchange("POST")

            with pytest.raises(UpstreamUnreachable):
                await stage.send(exchange)

    assert (exchange.history.sends, stage.outcomes) == (0, ["not_sent"] * 4)
    assert stage.breaker.verdicts == ["connect_failure"] * 4
