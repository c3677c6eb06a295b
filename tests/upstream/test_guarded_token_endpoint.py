"""The token endpoint's own circuit."""

import pytest

from gateway.breaker.options import BreakerOptions
from gateway.breaker.stage import BreakerStage
from gateway.core.secret import Secret
from gateway.credentials.policy import Grant, Refused, Transient
from gateway.upstream.guarded_token_endpoint import CIRCUIT_OPEN, GuardedTokenEndpoint
from gateway.upstream.token_endpoint import COOLDOWN
from tests.fakes import FakeClock, FakeCredential, FakeTokenEndpoint

GRANT = Grant(Secret("t"), 3600)


def guarded(
    *script: Grant | Refused | Transient,
) -> tuple[GuardedTokenEndpoint, FakeTokenEndpoint, BreakerStage, FakeClock]:
    clock = FakeClock()
    endpoint = FakeTokenEndpoint(*script)
    options = BreakerOptions(open_for=5.0)
    breaker = BreakerStage(options, clock, lambda: 0.5, "token", longest=30.0)
    return GuardedTokenEndpoint(endpoint, breaker), endpoint, breaker, clock


async def test_an_endpoint_that_is_away_is_left_alone_for_a_while() -> None:
    """Five refused connections in a row; then it is looked at again, three times."""
    away = [Transient("unreachable")] * 5
    made, endpoint, breaker, clock = guarded(*away)
    for _ in range(5):
        await made.request_token(FakeCredential())
    shut = await made.request_token(FakeCredential())
    asked = len(endpoint.asked)
    clock.advance(5.1)
    back = [await made.request_token(FakeCredential()) for _ in range(3)]

    assert shut == Transient(CIRCUIT_OPEN)
    assert asked == 5
    assert all(isinstance(one, Grant) for one in back)
    assert breaker.circuit == "closed"
    assert breaker.described()["reason"] == "3 probes were answered"


@pytest.mark.parametrize(
    ("result", "circuit"),
    [
        (Refused(401), "closed"),
        (Transient("credential_malformed"), "closed"),
        (Transient(COOLDOWN, 9.0), "closed"),
        (Transient("status_4xx"), "closed"),
        (Transient("status_5xx"), "open"),
        (Transient("timeout"), "open"),
        (Transient("malformed"), "open"),
    ],
)
async def test_what_counts_as_a_failure(
    result: Refused | Transient, circuit: str
) -> None:
    """A refusal is an answer."""
    made, _, breaker, _ = guarded(*[result] * 20)
    for _ in range(20):
        await made.request_token(FakeCredential())

    assert breaker.circuit == circuit
