"""RetryStage: what an answer or a time-out says, and what it does not."""

import pytest

from gateway.errors import UpstreamTimeout
from tests.retry.scene import scene
from tests.upstreams import DROP, ScriptedUpstream, Step, answer

HANG = Step(held=True)


async def test_an_impatient_caller_is_no_failure_of_dinies(
    upstream: ScriptedUpstream,
) -> None:
    """Its own deadline cut the attempt off within a second."""
    upstream.default = HANG
    async with scene(upstream.base_url) as stage:
        exchange = stage.exchange(deadline=stage.clock.now() + 0.2)

        with pytest.raises(UpstreamTimeout):
            await stage.send(exchange)
        upstream.release()

    assert stage.breaker.verdicts == ["ignored"]


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

    assert (response.status, exchange.note, exchange.unknown_sends) == (
        status,
        note,
        unknown,
    )
