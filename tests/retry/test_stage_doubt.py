"""RetryStage: what an answer or a time-out says, and what it does not."""

import pytest

from gateway.core.errors import CircuitOpen, UpstreamTimeout
from gateway.deadline.options import DeadlineOptions
from gateway.retry.options import RetryOptions
from tests.retry.scene import scene
from tests.upstreams import DROP, ScriptedUpstream, Step, answer

HANG = Step(held=True)


@pytest.mark.parametrize(
    ("deadline", "first_byte", "verdict", "earned"),
    [
        pytest.param(0.2, 10.0, "ignored", 0.0, id="the-caller-s-deadline"),
        pytest.param(0.4, 0.1, "timeout", 0.2, id="dinie-is-late"),
    ],
)
async def test_a_hurried_caller_is_no_failure_of_dinies(
    upstream: ScriptedUpstream,
    deadline: float,
    first_byte: float,
    verdict: str,
    earned: float,
) -> None:
    """Neither the circuit nor the retry budget counts what only its caller chose."""
    upstream.default = HANG
    slow = DeadlineOptions(first_byte=first_byte)
    once = RetryOptions(attempts=1, budget_burst=0, budget_floor=0)
    async with scene(upstream.base_url, deadline=slow, options=once) as stage:
        exchange = stage.exchange(deadline=stage.clock.now() + deadline)

        with pytest.raises(UpstreamTimeout):
            await stage.send(exchange)
        upstream.release()
        balance = stage.stage.budget.balance(now=stage.clock.now())

    assert (stage.breaker.verdicts, balance) == ([verdict], earned)


@pytest.mark.parametrize(("left", "hurried"), [(5.0, True), (25.0, False)])
async def test_the_breaker_hears_who_may_give_up_first(
    upstream: ScriptedUpstream, left: float, *, hurried: bool
) -> None:
    """Such a probe is no reason to refuse others."""
    async with scene(upstream.base_url) as stage:
        await stage.send(stage.exchange(deadline=stage.clock.now() + left))

    assert stage.breaker.hurried == [hurried]


async def test_a_refusal_before_the_send_earns_no_retry(
    upstream: ScriptedUpstream,
) -> None:
    """An open circuit would pay for the storm when it closes."""
    broke = RetryOptions(budget_burst=0, budget_floor=0)
    async with scene(upstream.base_url, options=broke) as stage:
        stage.breaker.refusal = CircuitOpen("open")

        with pytest.raises(CircuitOpen):
            await stage.send(stage.exchange())

        assert stage.stage.budget.balance(now=stage.clock.now()) == 0.0


@pytest.mark.parametrize(
    ("method", "steps", "status", "note", "unknown"),
    [
        pytest.param("POST", [504] * 4, 504, "unknown", 4, id="only-a-proxy-spoke"),
        pytest.param("POST", [None, 422], 422, "unknown", 1, id="lost-and-refused"),
        pytest.param("POST", [502, 201], 201, None, 1, id="answered-in-the-end"),
        pytest.param("POST", [503, 422], 422, None, 0, id="refused-twice"),
        pytest.param("GET", [504] * 4, 504, None, 0, id="no-effect"),
    ],
)
async def test_an_answer_says_whether_an_earlier_try_is_unknown(
    upstream: ScriptedUpstream,
    *,
    method: str,
    steps: list[int | None],
    status: int,
    note: str | None,
    unknown: int,
) -> None:
    """Else a caller takes the error for the whole story, and uses a new key."""
    upstream.script(*[DROP if one is None else Step(answer(one)) for one in steps])
    async with scene(upstream.base_url) as stage:
        exchange = stage.exchange(method)
        response = await stage.send(exchange)

    assert (response.status, exchange.history.note, exchange.history.unknown_sends) == (
        status,
        note,
        unknown,
    )
