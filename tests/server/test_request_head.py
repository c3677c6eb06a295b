"""RequestHeadStage: what is read of a head, and what is refused."""

import pytest

from tests.inprocess import Stack
from tests.upstreams import ScriptedUpstream, Step, answer


@pytest.mark.parametrize(
    "path",
    [
        "/biometrics/session-exchange",
        "/biometrics/Session-Exchange.json;x",
        "/v3/%62iometrics/session-exchange/",
    ],
)
async def test_what_cannot_be_repeated_is_not_in_any_spelling(
    stack: Stack, upstream: ScriptedUpstream, path: str
) -> None:
    """A server that takes the spelling for the route has used the code up."""
    upstream.script(Step(answer(500)))

    said = await stack.ask("POST", path, body=b"{}")

    assert (said.status, len(upstream.requests)) == (500, 1)


async def test_a_method_that_is_not_relayed_is_told_which_are(stack: Stack) -> None:
    """RFC 9110 15.5.6: a 405 has an Allow."""
    said = await stack.ask("TRACE", "/v3/loans")

    assert said.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
