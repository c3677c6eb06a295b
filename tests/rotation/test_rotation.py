"""Rotation: one credential comes, one goes, and there is always one that works."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.rotation.lock import LockHeld
from gateway.rotation.options import RotationOptions
from gateway.rotation.ports import Conflict, StepFailed
from tests.rotation.scene import DAY, SWIFT, Crash, Scene

WRITES = 18  # of a whole rotation, its lock included


async def test_a_rotation_replaces_the_credential_and_nothing_else() -> None:
    """The webhook secret lies in the same place."""
    scene = Scene()

    progress = await scene.run(now=True)

    world = scene.world
    assert (scene.phase, progress.next_at) == ("done", None)
    assert world.secret == {
        "client_id": "new-1",
        "client_secret": "s-new-1",
        "client_created_at": f"{scene.clock.unix():.0f}",
        "webhook_secret": "whsec_a",
    }
    assert (world.created, world.revoked) == (["new-1"], ["old"])
    assert world.state["old_client_secret"] == ""
    assert world.writes == WRITES


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, WRITES + 1))
async def test_a_crash_at_any_write_is_gone_on_from(at: int, *, before: bool) -> None:
    """Before it took effect, or after it did and before anybody heard of it."""
    scene = Scene()
    scene.world.crash_at, scene.world.before = at, before
    with pytest.raises(Crash):
        await scene.run(now=True)
    scene.world.restart()
    works = scene.world.secret["client_id"] in scene.world.known
    scene.clock.advance(61)  # the lock of the dead process

    await scene.run(now=not scene.phase)

    world = scene.world
    assert works
    assert scene.phase == "done"
    assert (len(world.created), world.revoked) == (1, ["old"])
    assert (world.secret["client_id"], list(world.known)) == ("new-1", ["new-1"])


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, WRITES - 1))
async def test_a_crash_at_any_write_can_be_gone_back_from(
    at: int, *, before: bool
) -> None:
    """Whatever was made is taken away; the old one serves as if nothing had been."""
    scene = Scene()
    scene.world.crash_at, scene.world.before = at, before
    with pytest.raises(Crash):
        await scene.run(now=True)
    scene.world.restart()
    scene.clock.advance(61)

    try:
        await scene.abort()
    except StepFailed:
        assert scene.phase == "deleting"
        return
    scene.clock.advance(200)
    await scene.abort()

    world = scene.world
    assert world.secret["client_id"] == "old"
    assert not [name for name in world.secret if name.startswith("next_")]
    assert list(world.known) == ["old"]


async def test_nothing_happens_before_it_is_due() -> None:
    """A CronJob asks every day."""
    scene = Scene()

    early = await scene.run()
    scene.clock.advance(75 * DAY)
    still = await scene.run()
    scene.clock.advance(2 * DAY)
    await scene.run()

    assert early.next_at == still.next_at == pytest.approx(1_790_000_000 + 76 * DAY)
    assert scene.world.created == ["new-1"]


async def test_each_phase_lasts_as_long_as_it_should() -> None:
    """A canary for minutes, a soak for a day, and the old one idle for hours."""
    scene = Scene(RotationOptions(lock_ttl=60))
    clock = scene.clock

    began = clock.unix()
    canary = await scene.run(now=True)
    clock.advance(601)
    soaking = await scene.run()
    clock.advance(DAY + 1)
    scene.world.known["old"] = replace(
        scene.world.known["old"], last_used=clock.unix() - 60
    )
    waiting = await scene.run()
    revoked_early = list(scene.world.revoked)
    clock.advance(7200)
    ended = await scene.run()

    assert canary.next_at == began + 600
    assert soaking.next_at == began + 601 + DAY
    assert waiting.next_at == began + 601 + DAY + 1 - 60 + 7200
    assert (revoked_early, scene.world.revoked) == ([], ["old"])
    assert ended.next_at is None


async def test_a_credential_that_does_not_work_is_never_put_in_force() -> None:
    """No caller's request may be the test."""
    scene = Scene()
    scene.world.broken = {"new-1"}

    with pytest.raises(StepFailed, match="refuses the credential"):
        await scene.run(now=True)
    aborted = await scene.abort()

    assert scene.world.secret["client_id"] == "old"
    assert scene.world.revoked == ["new-1"]
    assert aborted.state is not None
    assert aborted.state.phase == "aborted"


async def test_a_credential_of_another_environment_is_refused() -> None:
    """Dinie gave a live one to the sandbox, or the other way round."""
    scene = Scene()
    scene.faults = {"new-1": ["environment sandbox and the credential disagree"]}

    with pytest.raises(StepFailed, match="disagree"):
        await scene.run(now=True)
    await scene.abort()

    assert "next_client_id" not in scene.world.secret
    assert scene.world.revoked == ["new-1"]


async def test_the_one_in_force_is_not_sent_to_another_environment() -> None:
    """An operator wrote production's credential to the sandbox's path."""
    scene = Scene()
    scene.faults = {"old": ["environment sandbox and the credential disagree"]}
    scene.world.known = {}  # a request to Dinie fails otherwise

    with pytest.raises(StepFailed, match="disagree"):
        await scene.run(now=True)

    assert scene.world.created == []


async def test_two_runs_do_not_get_into_each_others_way() -> None:
    """A CronJob and a human at once."""
    scene = Scene()
    scene.world.crash_at = 4
    with pytest.raises(Crash):
        await scene.run(now=True)
    scene.world.restart()

    with pytest.raises(LockHeld) as caught:
        await scene.run()

    assert caught.value.holder == "process-1"
    assert caught.value.until == scene.clock.unix() + SWIFT.lock_ttl


async def test_without_a_rotation_there_is_nothing_to_abort() -> None:
    """An abort too many must not break anything."""
    scene = Scene()

    said = (await scene.abort()).message

    assert said == "There is no rotation to abort."
    assert scene.world.secret["client_id"] == "old"


async def test_an_unknown_age_is_said_and_not_guessed() -> None:
    """Dinie does not list the credential in force."""
    scene = Scene()
    scene.world.known = {}
    scene.world.secret["client_id"] = "elsewhere"
    scene.world.secret["client_secret"] = "s-elsewhere"

    with pytest.raises(StepFailed):
        await scene.run()


async def test_after_an_abort_nothing_begins_by_itself() -> None:
    """The scheduled job must not undo what a human decided; a human begins again."""
    scene = Scene(RotationOptions(canary=600, lock_ttl=60))
    scene.clock.advance(80 * DAY)
    await scene.run()
    await scene.abort()

    idle = await scene.run()
    stays = scene.phase
    await scene.run(now=True)

    assert (idle.under_way, stays) == (False, "aborted")
    assert "--now" in idle.message
    assert scene.phase == "canary"


async def test_an_age_that_dinie_does_not_tell_is_not_due() -> None:
    """Otherwise each hour would bring a new credential."""
    scene = Scene()
    scene.world.known["old"] = replace(scene.world.known["old"], created=None)

    said = await scene.run()

    assert "begin with --now" in said.message
    assert scene.world.created == []


async def test_a_failed_write_of_the_secret_lets_the_lock_go() -> None:
    """A run right after must not have to wait."""
    scene = Scene()
    context = scene.context()

    async def conflict(*_: Any, **__: Any) -> None:
        raise Conflict("another run wrote in between")

    context.store.change = conflict  # type: ignore[method-assign]
    with pytest.raises(Conflict):
        await scene.process(context).run(now=True)

    await scene.run()

    assert scene.phase == "done"


async def test_a_creation_whose_reply_is_lost_for_a_day_leaves_no_orphan() -> None:
    """Its secret can never be read again: it goes, and a new rotation begins."""
    scene = Scene()
    scene.world.crash_at = 4  # created, and the response was lost
    with pytest.raises(Crash):
        await scene.run(now=True)
    scene.world.restart()
    scene.world.replies.clear()
    scene.clock.advance(25 * 3600)

    await scene.run()

    assert scene.world.created == ["new-1", "new-2"]
    assert list(scene.world.known) == ["new-2"]


async def test_a_secret_without_a_credential_is_said() -> None:
    """An operator removed it in the middle of a rotation."""
    scene = Scene(RotationOptions(canary=600, lock_ttl=60))
    await scene.run(now=True)
    del scene.world.secret["client_id"]
    scene.clock.advance(601)

    with pytest.raises(StepFailed, match="lacks client_id"):
        await scene.run()
    with pytest.raises(StepFailed, match="lacks client_id"):
        await scene.abort()
