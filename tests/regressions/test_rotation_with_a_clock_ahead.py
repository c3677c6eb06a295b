"""A run whose clock was wrong left moments for others, or did not wait itself."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.rotation.options import RotationOptions
from gateway.rotation.ports import StepFailed
from gateway.rotation.rotation import Rotation
from tests.fakes import FakeClock
from tests.rotation.scene import DAY, Scene

SOAKING = RotationOptions(canary=0, soak=DAY, idle=7200, lock_ttl=60)
SHORT = RotationOptions(canary=600, soak=0, idle=0, lock_ttl=60)
AHEAD = 400 * DAY


class Wrong:
    """A machine's clock that is not Vault's."""

    def __init__(self, clock: FakeClock, ahead: float) -> None:
        self.now: Callable[[], float] = clock.now
        self.sleep = clock.sleep
        self._clock, self._ahead = clock, ahead

    def unix(self) -> float:
        return self._clock.unix() + self._ahead


def elsewhere(scene: Scene, ahead: float) -> Rotation:
    """Return a run on a machine whose clock is wrong."""
    wrong = Wrong(scene.clock, ahead)
    return scene.process(replace(scene.context(), clock=wrong))


@pytest.mark.parametrize("ahead", [2 * DAY, -AHEAD])
async def test_a_run_with_a_wrong_clock_revokes_nothing(ahead: float) -> None:
    """It took a soak of a second for one of a day, and an old one in use for idle."""
    scene = Scene(SOAKING)
    await scene.run(now=True)
    scene.uses_old()
    scene.clock.advance(1)

    with pytest.raises(StepFailed, match="clock and Vault's are"):
        await elsewhere(scene, ahead).run()
    scene.clock.advance(7201)
    await scene.run()

    assert (scene.phase, scene.world.revoked) == ("soaking", [])


async def test_a_clock_that_is_a_little_off_rotates() -> None:
    """No two clocks are the same, and Vault may take its time."""
    scene = Scene()

    await elsewhere(scene, 290.0).run(now=True)

    assert scene.phase == "done"


async def test_an_abort_needs_no_right_clock() -> None:
    """It is the way out."""
    scene = Scene(SOAKING)
    await scene.run(now=True)

    await elsewhere(scene, 2 * DAY).abort()

    assert scene.phase == "withdrawing"


async def test_a_phase_from_the_future_is_waited_for_from_now_on() -> None:
    """The canary of ten minutes would last until 2028."""
    scene = Scene(SHORT)
    await scene.run(now=True)
    scene.world.state["since"] = f"{scene.clock.unix() + AHEAD:.0f}"

    first = await scene.run()
    scene.clock.advance(601)
    await scene.run()

    assert first.next_at is not None
    assert first.next_at <= scene.clock.unix()
    assert scene.phase == "done"


async def test_an_abort_does_not_wait_for_the_future_either() -> None:
    """It is the way out."""
    scene = Scene(SHORT)
    await scene.run(now=True)
    scene.world.state["since"] = f"{scene.clock.unix() + AHEAD:.0f}"

    await scene.abort_wholly()

    assert scene.phase == "aborted"


async def test_a_webhook_rotation_that_ended_in_the_future_ended_now() -> None:
    """The next one would be due in 490 days."""
    scene = Scene(SHORT)
    scene.world.state["webhook_done"] = f"{scene.clock.unix() + AHEAD:.0f}"

    due = (await scene.webhook()).next_at
    scene.clock.advance(90 * DAY + 1)
    begun = await scene.webhook()

    assert due == scene.clock.unix() - 1
    assert begun.under_way
