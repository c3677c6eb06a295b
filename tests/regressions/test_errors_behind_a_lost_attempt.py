"""An error says so where an earlier attempt may have taken effect."""

import pytest

from tests.inprocess import running_stack
from tests.upstreams import DROP, Step, answer, running_upstream

GONE = Step(answer(404, b"{}"))


@pytest.mark.parametrize(
    ("method", "steps", "status"),
    [
        pytest.param("DELETE", [DROP, GONE], 404, id="deleted-by-the-lost-one"),
        pytest.param("DELETE", [Step(answer(504)), GONE], 404, id="behind-a-proxy"),
        pytest.param("PUT", [DROP, Step(answer(409))], 409, id="in-conflict"),
        pytest.param("PATCH", [DROP] * 4, 502, id="lost-for-good"),
        pytest.param("PATCH", [Step(answer(504))] * 4, 504, id="only-a-proxy-spoke"),
        pytest.param("GET", [DROP, GONE], 404, id="without-an-effect"),
    ],
)
async def test_an_error_behind_a_lost_attempt_says_so(
    method: str, steps: list[Step], status: int
) -> None:
    """A `404` to a `DELETE` that worked reads like one that never existed."""
    with running_upstream() as upstream:
        upstream.script(*steps)
        async with running_stack(upstream.base_url) as stack:
            told = await stack.ask(method, "/webhooks/endpoints/we_1")

    assert (told.status, told.attempts) == (status, len(steps))
    assert told.headers["X-Gateway-Retry"] == "unknown"


@pytest.mark.parametrize(
    ("method", "steps"),
    [
        pytest.param("DELETE", [DROP, Step(answer(204, b""))], id="worked"),
        pytest.param("DELETE", [Step(answer(503)), GONE], id="refused-before"),
        pytest.param("GET", [Step(answer(504)), GONE], id="a-proxy-on-a-get"),
    ],
)
async def test_what_is_known_is_not_called_unknown(
    method: str, steps: list[Step]
) -> None:
    """A mark on everything would be read by nobody."""
    with running_upstream() as upstream:
        upstream.script(*steps)
        async with running_stack(upstream.base_url) as stack:
            told = await stack.ask(method, "/webhooks/endpoints/we_1")

    assert "X-Gateway-Retry" not in told.headers


async def test_a_refused_repeat_of_an_unknown_post_says_so() -> None:
    """The refusal speaks of the repeat: the first request may have made a loan."""
    repeat = {"Idempotency-Key": "order-1"}
    with running_upstream() as upstream:
        upstream.script(*[DROP] * 4, Step(answer(403)), Step(answer(201)))
        async with running_stack(upstream.base_url) as stack:
            told = [
                await stack.ask("POST", "/loans", body=b"{}", headers=repeat)
                for _ in range(3)
            ]
            metrics = (await stack.admin("/metrics")).body.decode()

    notes = [(one.status, one.headers.get("X-Gateway-Retry")) for one in told]
    assert notes == [(504, "unknown"), (403, "unknown"), (201, None)]
    count = 'dinie_gateway_unknown_outcomes_total{route="/loans"} 1.0'
    assert count in metrics.splitlines()


async def test_a_gateway_s_refusal_behind_a_lost_attempt_says_so() -> None:
    """`nothing was sent` would be read as of the whole request."""
    settings = "breaker.min_calls=2", "breaker.failure_ratio=0.5"
    with running_upstream() as upstream:
        upstream.default = DROP
        async with running_stack(upstream.base_url, *settings) as stack:
            told = await stack.ask("DELETE", "/webhooks/endpoints/we_1")

    assert (told.slug, told.attempts) == ("circuit-open", 2)
    assert told.headers["X-Gateway-Retry"] == "unknown"
    assert b"An earlier attempt was sent" in told.body
