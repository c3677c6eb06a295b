"""A run whose clock was 400 days ahead left moments for which others then waited."""

from gateway.rotation.options import RotationOptions
from tests.rotation.scene import DAY, Scene

SHORT = RotationOptions(canary=600, soak=0, idle=0, lock_ttl=60)
AHEAD = 400 * DAY


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
