"""TokenSource between failures: when it asks again, and what counts as newer."""

import asyncio

import pytest

from gateway.core.errors import CredentialsUnavailable
from gateway.credentials.policy import Transient
from tests.credentials.scene import Scene, running, settle

DOWN = Transient("unreachable")


async def test_the_token_endpoint_is_not_asked_before_its_retry_after() -> None:
    """Asking sooner spends the quota that it asks to spare, and changes nothing.

    A changed secret or a 401 does not shorten it.
    """
    async with running(Scene(Transient("status_4xx", 20.0))) as scene:
        waiter = asyncio.create_task(scene.value())
        await settle()
        for _ in range(19):
            scene.clock.advance(1.0)
            scene.secrets.change(str(scene.clock.now()))
            await settle()
        early = (len(scene.endpoint.asked), scene.source.cooldown_left)

        scene.clock.advance(1.0)
        await scene.wake()

        assert early == (1, 1.0)
        assert await waiter == "token-2"


async def test_a_caller_is_told_the_token_endpoint_s_retry_after_at_once() -> None:
    """A wait that outlives the request only holds it; the caller can plan instead."""
    async with running(Scene(Transient("status_5xx", 40.0))) as scene:
        waiter = asyncio.create_task(scene.value())
        await settle()
        with pytest.raises(CredentialsUnavailable) as first:
            await waiter
        scene.clock.advance(15.0)

        with pytest.raises(CredentialsUnavailable) as later:
            await scene.value()

        assert (first.value.retry_after, later.value.retry_after) == (40.0, 25.0)
        assert len(scene.endpoint.asked) == 1


async def test_a_request_from_before_a_401_does_not_answer_it() -> None:
    """What was revoked may have been issued twice: the replay would be refused too."""
    async with running(Scene(life=1000.0)) as scene:
        stale = await scene.source.token(deadline=scene.later)
        scene.endpoint.gate.clear()
        scene.clock.advance(800.0)
        await scene.wake()
        asked = asyncio.create_task(scene.source.renewed(stale, deadline=scene.later))
        await settle()

        scene.endpoint.gate.set()

        assert (await asked).value.reveal() == "token-3"
        assert scene.observer.heard[1:] == [("scheduled", "ok"), ("rejected", "ok")]


async def test_a_failure_of_the_old_credential_does_not_hold_the_new_one_back() -> None:
    """The request began before the secret changed, and says nothing of the new one."""
    async with running(Scene(*[DOWN] * 7)) as scene:
        for _ in range(5):
            await settle()
            scene.clock.advance(30.0)
            await scene.wake()
        scene.endpoint.gate.clear()
        scene.clock.advance(30.0)
        await scene.wake()
        scene.secrets.change("2")
        waiter = asyncio.create_task(scene.value())
        await settle()

        scene.endpoint.gate.set()

        assert await asyncio.wait_for(waiter, 1) == "token-8"
