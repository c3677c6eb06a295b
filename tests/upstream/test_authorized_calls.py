"""AuthorizedCalls: a token for each credential, and lists to their end."""

from collections.abc import AsyncIterator

import pytest

from gateway.core.secret import Secret
from gateway.rotation.ports import Pair, StepFailed
from gateway.upstream.authorized_calls import AuthorizedCalls, unexpected
from gateway.upstream.token_endpoint import HttpTokenEndpoint
from tests.fakes import FakeClock
from tests.upstreams import DROP, ScriptedUpstream, Step, answer, grant

OLD = Pair(Secret("dinie_ci_test_old"), Secret("dinie_cs_test_old"))
NEW = Pair(Secret("dinie_ci_test_new"), Secret("dinie_cs_test_new"))
UNAUTHORIZED = Step(answer(401, b"{}"))


@pytest.fixture
async def calls(upstream: ScriptedUpstream) -> AsyncIterator[AuthorizedCalls]:
    clock = FakeClock()
    made = AuthorizedCalls(
        upstream.base_url + "/",
        HttpTokenEndpoint(
            upstream.base_url, token_auth="basic", ssl_context=None, clock=clock
        ),
        ssl_context=None,
        clock=clock,
        random=lambda: 0.5,
    )
    yield made
    await made.close()


async def test_a_credential_s_token_is_kept_until_a_401(
    upstream: ScriptedUpstream, calls: AuthorizedCalls
) -> None:
    """A token endpoint that is asked for each call soon answers 429."""
    for by in (OLD, OLD, NEW):
        await calls.call(by, "GET", "/banks")
    kept = len(upstream.token_requests)
    upstream.script(UNAUTHORIZED)

    status, _ = await calls.call(OLD, "GET", "/banks")

    assert (kept, status, len(upstream.token_requests)) == (2, 200, 3)


async def test_the_last_attempt_s_401_ends_its_token_too(
    upstream: ScriptedUpstream, calls: AuthorizedCalls
) -> None:
    """The next call must not begin with a token that Dinie has refused."""
    upstream.default = UNAUTHORIZED
    status, _ = await calls.call(OLD, "GET", "/banks")
    refused = len(upstream.token_requests)
    upstream.default = Step(answer(200, b'{"data":[]}'))

    found = await calls.call(OLD, "GET", "/banks")

    assert (status, refused) == (401, 4)
    assert (found, len(upstream.token_requests)) == ((200, {"data": []}), 5)


async def test_a_new_token_can_be_asked_for(
    upstream: ScriptedUpstream, calls: AuthorizedCalls
) -> None:
    """A proof with a token that still lives would prove nothing."""
    await calls.call(OLD, "GET", "/banks")
    calls.forget_token(OLD)
    upstream.token_step = Step(grant(token="another"))

    await calls.call(OLD, "GET", "/banks")

    sent = [one.all("Authorization") for one in upstream.requests]
    assert sent[1] == ["Bearer another"]


async def test_a_response_before_a_lost_one_says_nothing(
    upstream: ScriptedUpstream, calls: AuthorizedCalls
) -> None:
    """A refusal followed by silence is an outage."""
    upstream.script(UNAUTHORIZED)
    upstream.default = DROP

    assert await calls.call(OLD, "POST", "/x", body=b"{}") == (0, {})


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]"])
async def test_content_that_is_no_object_is_an_empty_one(
    upstream: ScriptedUpstream, calls: AuthorizedCalls, body: bytes
) -> None:
    """The status decides then."""
    upstream.script(Step(answer(201, body)))

    assert await calls.call(OLD, "POST", "/x") == (201, {})


async def test_a_part_of_a_list_does_not_pass_for_the_whole(
    upstream: ScriptedUpstream, calls: AuthorizedCalls
) -> None:
    """A page that fails must not end a list early."""
    upstream.script(Step(answer(200, b'{"data":[{"id":"a"}],"has_more":true}')))
    upstream.default = Step(answer(403, b"{}"))

    with pytest.raises(StepFailed, match="GET /list with 403"):
        await calls.pages(OLD, "/list")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, "Dinie gave no answer to GET /x: try again later."),
        (503, "Dinie answered GET /x with 503 again and again: try again later."),
        (200, "Dinie answered GET /x with 200, but with another content."),
        (409, "Dinie answered GET /x with 409."),
    ],
)
def test_an_unexpected_response_is_named(status: int, text: str) -> None:
    """For the log of a job that runs at night."""
    assert unexpected("GET /x", status) == text
