"""TokenSource: one task requests tokens, callers take what it has or wait."""

import asyncio

import pytest

from gateway.core.errors import CredentialsUnavailable, UpstreamAuthFailed
from gateway.credentials.policy import Transient
from tests.credentials.scene import Scene, running, settle

DOWN = Transient("unreachable")


async def test_a_hundred_waiters_cost_one_request() -> None:
    """A cold start under load must not be a flood on the token endpoint."""
    async with running(Scene()) as scene:
        scene.endpoint.gate.clear()
        waiters = [asyncio.create_task(scene.value()) for _ in range(100)]
        await settle()

        scene.endpoint.gate.set()
        values = await asyncio.gather(*waiters)

        assert (set(values), len(scene.endpoint.asked)) == ({"token-1"}, 1)


async def test_a_held_token_costs_nothing() -> None:
    """The hot path looks at a field."""
    async with running(Scene()) as scene:
        await scene.value()

        values = [await scene.value() for _ in range(10)]

        assert (set(values), len(scene.endpoint.asked)) == ({"token-1"}, 1)


async def test_a_token_is_renewed_at_four_fifths_of_its_life() -> None:
    """Callers never wait for a renewal while the old token still lives."""
    async with running(Scene(life=1000.0)) as scene:
        await scene.value()
        scene.clock.advance(774.0)
        await scene.wake()
        before = len(scene.endpoint.asked)

        scene.clock.advance(2.0)
        await scene.wake()

        assert (before, len(scene.endpoint.asked)) == (1, 2)
        assert await scene.value() == "token-2"
        assert scene.observer.heard == [("start", "ok"), ("scheduled", "ok")]


async def test_a_token_that_ended_while_the_machine_was_suspended_is_not_sent() -> None:
    """Each call would spend a send of the quota on a 401."""
    async with running(Scene(life=3600.0)) as scene:
        await scene.value()

        scene.clock.suspend(2 * 3600.0)

        assert scene.source.usable() is None
        assert await scene.value() == "token-2"


async def test_a_clock_that_was_set_ahead_costs_one_renewal() -> None:
    """Set back again it must not make the token live for ever, nor flood anybody."""
    async with running(Scene(life=3600.0)) as scene:
        await scene.value()
        scene.clock.suspend(365 * 86_400.0)
        ahead = await scene.value()

        scene.clock.suspend(-365 * 86_400.0)
        back = await scene.value()
        scene.clock.advance(3600.0)

        assert (ahead, back) == ("token-2", "token-2")
        assert len(scene.endpoint.asked) == 2
        assert scene.source.usable() is None


async def test_the_old_token_is_sent_while_its_renewal_is_on_the_way() -> None:
    """No caller waits for a slow token endpoint."""
    async with running(Scene(life=1000.0)) as scene:
        await scene.value()
        scene.endpoint.gate.clear()
        scene.clock.advance(800.0)
        await scene.wake()

        value = await scene.value()

        assert (value, len(scene.endpoint.asked)) == ("token-1", 2)


async def test_a_failed_renewal_keeps_the_token_that_lives() -> None:
    """An outage of the token endpoint shorter than a fifth of a life is invisible."""
    async with running(Scene(life=1000.0)) as scene:
        await scene.value()
        scene.endpoint.script.append(DOWN)
        scene.clock.advance(800.0)
        await scene.wake()

        assert await scene.value() == "token-1"
        assert scene.observer.heard[-1] == ("scheduled", "unreachable")


async def test_a_token_near_its_end_is_not_sent() -> None:
    """It could expire on the way, and its 401 would look like a revocation."""
    async with running(Scene(life=1000.0)) as scene:
        await scene.value()
        scene.clock.advance(969.9)
        before = scene.source.usable()

        scene.clock.advance(0.2)

        assert before is not None
        assert scene.source.usable() is None
        assert await scene.value() == "token-2"


async def test_an_expired_token_that_cannot_be_renewed_fails_fast() -> None:
    """Twenty-five seconds of waiting would only move the failure."""
    async with running(Scene(life=1000.0)) as scene:
        await scene.value()
        scene.endpoint.script.extend([DOWN] * 9)
        scene.clock.advance(1000.0)
        await scene.wake()
        await scene.wake()

        with pytest.raises(CredentialsUnavailable) as raised:
            await scene.value()

        assert raised.value.retry_after == 1.0
        assert scene.source.state == "the token endpoint failed 2 times in a row"
        assert scene.source.ever_had_one


async def test_the_first_token_is_waited_for_over_failures() -> None:
    """A gateway that starts a second before Dinie recovers loses no request."""
    async with running(Scene(DOWN, DOWN, DOWN)) as scene:
        waiter = asyncio.create_task(scene.value())
        await settle()
        for _ in range(3):
            scene.clock.advance(3.0)
            await scene.wake()

        assert await waiter == "token-4"


async def test_a_secret_that_comes_late_is_waited_for() -> None:
    """Vault may be slower than the first caller."""
    async with running(Scene(version=None)) as scene:
        waiter = asyncio.create_task(scene.value())
        await settle()
        state = scene.source.state

        scene.secrets.change("1")

        assert await waiter == "token-1"
        assert state == "waiting for the secrets"


async def test_a_waiter_gives_up_at_its_own_deadline() -> None:
    """One caller's short deadline is not another's."""
    async with running(Scene()) as scene:
        scene.endpoint.gate.clear()
        patient = asyncio.create_task(scene.value())
        with pytest.raises(CredentialsUnavailable):
            await scene.source.token(deadline=scene.soon)

        scene.endpoint.gate.set()

        assert (await patient, len(scene.endpoint.asked)) == ("token-1", 1)


async def test_a_waiter_that_goes_away_harms_nobody() -> None:
    """A caller that disconnects must not cancel the request that others wait for."""
    async with running(Scene()) as scene:
        scene.endpoint.gate.clear()
        leaver, stayer = (asyncio.create_task(scene.value()) for _ in range(2))
        await settle()

        leaver.cancel()
        await settle()
        scene.endpoint.gate.set()

        assert await stayer == "token-1"
        assert leaver.cancelled()


async def test_a_401_renews_once_for_all_who_saw_it() -> None:
    """A revoked token is answered to fifty requests at the same moment."""
    async with running(Scene()) as scene:
        stale = await scene.source.token(deadline=scene.later)

        renewed = await asyncio.gather(
            *(scene.source.renewed(stale, deadline=scene.later) for _ in range(50))
        )

        assert {token.generation for token in renewed} == {2}
        assert scene.endpoint.asked == ["1", "1"]
        assert scene.observer.heard[-1] == ("rejected", "ok")


async def test_a_late_401_for_an_old_token_keeps_the_newer_one() -> None:
    """A slow answer says nothing of the token that came since."""
    async with running(Scene()) as scene:
        old = await scene.source.token(deadline=scene.later)
        newer = await scene.source.renewed(old, deadline=scene.later)

        again = await scene.source.renewed(old, deadline=scene.later)

        assert (again, len(scene.endpoint.asked)) == (newer, 2)


async def test_forced_renewals_keep_their_distance() -> None:
    """If Dinie refuses every token, asking faster will not help."""
    async with running(Scene()) as scene:
        first = await scene.source.token(deadline=scene.later)
        second = await scene.source.renewed(first, deadline=scene.later)
        scene.clock.advance(3.0)

        with pytest.raises(UpstreamAuthFailed) as raised:
            await scene.source.renewed(second, deadline=scene.later)

        assert (raised.value.retry_after, len(scene.endpoint.asked)) == (2.0, 2)


async def test_after_the_distance_a_401_renews_again() -> None:
    """The next revocation is an hour later, not never."""
    async with running(Scene()) as scene:
        first = await scene.source.token(deadline=scene.later)
        second = await scene.source.renewed(first, deadline=scene.later)
        scene.clock.advance(5.0)

        third = await scene.source.renewed(second, deadline=scene.later)

        assert third.generation == 3


async def test_it_says_why_there_is_a_token_or_none() -> None:
    """`/readyz` gives the reason, not only the fact."""
    async with running(Scene()) as scene:
        before = (scene.source.state, scene.source.expires_in)

        await scene.value()

        assert before == ("a token is being requested", None)
        assert (scene.source.state, scene.source.expires_in) == (
            "a token is held",
            3600.0,
        )


async def test_the_life_counts_from_the_moment_it_was_asked_for() -> None:
    """The answer's way takes time that the token does not have."""
    async with running(Scene(life=1000.0)) as scene:
        scene.endpoint.gate.clear()
        waiter = asyncio.create_task(scene.value())
        await settle()
        scene.clock.advance(10.0)
        scene.endpoint.gate.set()
        await waiter

        assert scene.source.expires_in == 990.0
