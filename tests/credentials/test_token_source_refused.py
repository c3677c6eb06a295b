"""TokenSource with a credential that the endpoint refuses, or that changes."""

import pytest

from gateway.core.errors import UpstreamAuthFailed
from gateway.credentials.policy import Refused
from tests.credentials.scene import Scene, running
from tests.fakes import FakeCredential

REFUSED = Refused(401)


async def test_a_refused_credential_is_asked_once_a_minute() -> None:
    """Hammering with a wrong password locks accounts."""
    async with running(Scene(*[REFUSED] * 9)) as scene:
        for _ in range(3):
            with pytest.raises(UpstreamAuthFailed):
                await scene.value()
        at_first = len(scene.endpoint.asked)

        scene.clock.advance(59.0)
        await scene.wake()
        within = len(scene.endpoint.asked)
        scene.clock.advance(1.0)
        await scene.wake()

        assert (at_first, within, len(scene.endpoint.asked)) == (1, 1, 2)


async def test_a_refusal_says_how_long_to_wait() -> None:
    """The caller's SDK then waits properly."""
    async with running(Scene(REFUSED)) as scene:
        with pytest.raises(UpstreamAuthFailed):
            await scene.value()
        scene.clock.advance(20.0)

        with pytest.raises(UpstreamAuthFailed) as raised:
            await scene.value()

        assert raised.value.retry_after == 40.0
        assert scene.source.state == "the token endpoint refuses the credential"
        assert not scene.source.ever_had_one


async def test_a_refusal_has_the_secret_read_again() -> None:
    """It may have been rotated a moment ago: no caller feels that."""
    scene = Scene(REFUSED)
    scene.secrets.newer = FakeCredential("2")
    async with running(scene):
        value = await scene.value()

        assert (value, scene.endpoint.asked) == ("token-2", ["1", "2"])
        assert scene.secrets.refreshes == ["refused"]
        assert scene.observer.heard[0] == ("start", "refused")


async def test_a_changed_secret_is_tried_at_once() -> None:
    """The operator who just fixed it is watching."""
    async with running(Scene(REFUSED)) as scene:
        with pytest.raises(UpstreamAuthFailed):
            await scene.value()

        scene.secrets.change("2")

        assert await scene.value() == "token-2"


async def test_a_refused_renewal_keeps_the_token_that_lives() -> None:
    """A credential revoked by mistake leaves time to put it right."""
    async with running(Scene(life=1000.0)) as scene:
        await scene.value()
        scene.endpoint.script.append(REFUSED)
        scene.clock.advance(800.0)
        await scene.wake()

        value = await scene.value()

        assert (value, len(scene.endpoint.asked)) == ("token-1", 2)


async def test_another_version_of_the_secret_renews_the_token() -> None:
    """After a rotation no request goes on with a token of the old credential."""
    async with running(Scene()) as scene:
        await scene.value()

        scene.secrets.change("2")
        await scene.wake()

        assert await scene.value() == "token-2"
        assert scene.observer.heard[-1] == ("secret_changed", "ok")
