"""CredentialsStage: a fresh token on each attempt, and one free replay."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.core.errors import CredentialsUnavailable, UpstreamAuthFailed
from gateway.core.exchange import Exchange
from gateway.core.upstream_response import UpstreamResponse
from gateway.credentials.stage import CredentialsStage
from tests.credentials.scene import Scene, running
from tests.exchanges import new_exchange
from tests.fakes import FakeClock


class Upstream:
    """Answers with these statuses; keeps the tokens that it saw."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.seen: list[str | None] = []
        self.closed = 0

    async def __call__(self, exchange: Exchange) -> UpstreamResponse:
        self.seen.append(exchange.authorization)
        return UpstreamResponse(self.statuses.pop(0), {}, None, close=self._close)

    def _close(self) -> None:
        self.closed += 1


def exchange(**fields: Any) -> Exchange:
    return new_exchange("r", "GET", "/", 1000.0, **{"deadline": 1020.0, **fields})


def staged(scene: Scene, rejected: list[int]) -> CredentialsStage:
    return CredentialsStage(scene.source, scene.clock, lambda: rejected.append(1))


async def test_every_attempt_carries_the_token() -> None:
    """Whatever an attempt before it carried is replaced."""
    upstream = Upstream(200)
    async with running(Scene()) as scene:
        sent = exchange(authorization="Bearer gw_dummy")

        response = await staged(scene, [])(sent, upstream)

    assert (response.status, upstream.seen) == (200, ["Bearer token-1"])


async def test_a_401_renews_and_replays_once() -> None:
    """A revoked token costs the caller nothing but a moment."""
    upstream, rejected = Upstream(401, 200), list[int]()
    async with running(Scene()) as scene:
        response = await staged(scene, rejected)(exchange(), upstream)

    assert (response.status, rejected) == (200, [1])
    assert upstream.seen == ["Bearer token-1", "Bearer token-2"]
    assert upstream.closed == 1


async def test_a_second_401_is_a_problem_of_ours() -> None:
    """The caller cannot mend the gateway's credential."""
    upstream = Upstream(401, 401)
    async with running(Scene()) as scene:
        with pytest.raises(UpstreamAuthFailed) as raised:
            await staged(scene, [])(exchange(), upstream)

    assert (raised.value.retry_after, upstream.closed) == (5.0, 1)


async def test_a_401_just_after_a_forced_renewal_is_answered_at_once() -> None:
    """Dinie refuses every token: no more of them are requested for now."""
    upstream = Upstream(401, 401, 401)
    async with running(Scene()) as scene:
        stage = staged(scene, [])
        with pytest.raises(UpstreamAuthFailed):
            await stage(exchange(), upstream)

        with pytest.raises(UpstreamAuthFailed):
            await stage(exchange(), upstream)

    assert (len(upstream.seen), len(scene.endpoint.asked)) == (3, 2)


async def test_a_callers_own_bearer_passes_untouched() -> None:
    """Its 401 is the caller's affair, and costs our token nothing."""
    upstream = Upstream(401)
    async with running(Scene()) as scene:
        response = await staged(scene, [])(exchange(own_bearer=True), upstream)

        assert (response.status, upstream.seen) == (401, [None])
        assert upstream.closed == 0


async def test_a_refusal_is_ended_before_the_wait_for_another_token() -> None:
    """A large 401 would otherwise keep its slot while the token is renewed."""
    closed: list[int] = []
    upstream = Upstream(401, 200)

    class Source:
        def usable(self) -> Any:
            return SimpleNamespace(header="Bearer old")

        async def renewed(self, stale: Any, *, deadline: float) -> Any:
            del stale, deadline
            closed.append(upstream.closed)
            return SimpleNamespace(header="Bearer new")

    stage = CredentialsStage(cast("Any", Source()), FakeClock(), lambda: None)

    await stage(exchange(), upstream)

    assert (closed, upstream.closed) == ([1], 1)


async def test_without_a_token_nothing_is_sent() -> None:
    """A request without a token would only be counted and refused."""
    upstream = Upstream()
    scene = Scene(version=None)
    async with running(scene):
        with pytest.raises(CredentialsUnavailable):
            await staged(scene, [])(exchange(deadline=scene.soon), upstream)

    assert upstream.seen == []


async def test_the_wait_for_a_token_is_accounted_for() -> None:
    """Server-Timing tells the caller where its time went."""
    clock = FakeClock()
    waiting = exchange()

    class Slow:
        def usable(self) -> None:
            clock.advance(0.5)

        async def token(self, *, deadline: float) -> Any:
            clock.advance(1.5)
            return SimpleNamespace(header=f"Bearer {deadline}")

    stage = CredentialsStage(cast("Any", Slow()), clock, lambda: None)

    await stage(waiting, Upstream(200))

    assert waiting.history.waits.token == 1.5
