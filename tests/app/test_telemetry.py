"""The recorders of requests, as the configuration asks for them."""

import json

import pytest

from tests.inprocess import running_stack
from tests.upstreams import ScriptedUpstream, Step, answer


@pytest.mark.parametrize(
    ("level", "statuses"),
    [
        pytest.param("info", [200, 501], id="every request"),
        pytest.param("warning", [501], id="failures only"),
        pytest.param("error", [], id="none"),
    ],
)
async def test_the_log_level_says_which_requests_have_a_line(
    upstream: ScriptedUpstream,
    capfd: pytest.CaptureFixture[str],
    level: str,
    statuses: list[int],
) -> None:
    """A busy gateway pays only for the lines that are read."""
    settings = (f"telemetry.log_level={level}", "telemetry.log_format=json")
    upstream.script(Step(answer(200)), Step(answer(501)))
    async with running_stack(upstream.base_url, *settings) as stack:
        await stack.ask("GET", "/v3/banks")
        await stack.ask("GET", "/v3/banks")

    written = capfd.readouterr().out.splitlines()
    lines = [json.loads(line) for line in written if line.startswith("{")]
    shown = [one["status"] for one in lines if one["event"] == "request"]
    assert shown == statuses
