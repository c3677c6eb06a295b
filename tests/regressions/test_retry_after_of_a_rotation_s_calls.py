"""A rotation asked Dinie again before the Retry-After that Dinie gave."""

from collections.abc import AsyncIterator

import pytest

from gateway.core.secret import Secret
from gateway.idempotency.options import IdempotencyOptions
from gateway.rotation.ports import Pair, StepFailed
from gateway.upstream.credentials_api import CredentialsApi
from gateway.upstream.token_endpoint import HttpTokenEndpoint
from tests.fakes import FakeClock
from tests.upstreams import ScriptedUpstream, Step, answer

PAIR = Pair(Secret("dinie_ci_test_old"), Secret("dinie_cs_test_old"))
LATER = Step(answer(429, b"{}", [("Retry-After", "120")]))
SOON = Step(answer(429, b"{}", [("Retry-After", "7")]))


class Scripted:
    """A client of a scripted Dinie, on one clock."""

    def __init__(self, upstream: ScriptedUpstream) -> None:
        self.clock = FakeClock()
        self.upstream = upstream
        self.dinie = CredentialsApi(
            upstream.base_url,
            HttpTokenEndpoint(
                upstream.base_url,
                token_auth="basic",
                ssl_context=None,
                attempts=4,
                clock=self.clock,
            ),
            ssl_context=None,
            idempotency=IdempotencyOptions(),
            clock=self.clock,
            random=lambda: 0.5,
        )


@pytest.fixture
async def scripted(upstream: ScriptedUpstream) -> AsyncIterator[Scripted]:
    made = Scripted(upstream)
    yield made
    await made.dinie.close()


async def test_a_call_that_is_told_to_wait_for_long_is_not_repeated(
    scripted: Scripted,
) -> None:
    """The next run comes later; each call before then is refused and counted."""
    scripted.upstream.default = LATER

    with pytest.raises(StepFailed, match="again later"):
        await scripted.dinie.prove(PAIR)

    assert (len(scripted.upstream.requests), scripted.clock.slept) == (1, [])


async def test_a_token_endpoint_that_says_when_is_asked_then(
    scripted: Scripted,
) -> None:
    """Not before, though the backoff is shorter."""
    scripted.upstream.token_step = SOON

    with pytest.raises(StepFailed, match="gives no answer"):
        await scripted.dinie.prove(PAIR)

    assert min(scripted.clock.slept) >= 7.0


async def test_a_token_endpoint_that_says_much_later_ends_the_step(
    scripted: Scripted,
) -> None:
    """With the number, so that somebody can plan."""
    scripted.upstream.token_step = LATER

    with pytest.raises(StepFailed, match="asks to wait 120 s"):
        await scripted.dinie.prove(PAIR)

    assert len(scripted.upstream.token_requests) == 1
