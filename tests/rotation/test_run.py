"""Rotation: one credential comes, one goes, and there is always one that works."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.rotation.lock import LockHeld
from gateway.rotation.options import RotationOptions
from gateway.rotation.policy import Known
from gateway.rotation.ports import Conflict, StepFailed
from tests.rotation.scene import DAY, SWIFT, Crash, DictStore, Scene

WRITES = 13  # of a whole rotation, its lock included


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
        assert scene.phase == "revoking"
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
    scene.world.known["old"] = _used(scene, clock.unix() - 60)
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
    """Nobody's requests may be the test."""
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
    """Somebody wrote production's credential to the sandbox's path."""
    scene = Scene()
    scene.faults = {"old": ["environment sandbox and the credential disagree"]}
    scene.world.known = {}  # whoever asks Dinie fails otherwise

    with pytest.raises(StepFailed, match="disagree"):
        await scene.run(now=True)

    assert scene.world.created == []


async def test_there_is_no_way_back_to_what_does_not_work() -> None:
    """The new one serves, and the old one ended earlier than it should have."""
    scene = Scene(RotationOptions(canary=0, soak=DAY, lock_ttl=60))
    await scene.run(now=True)
    scene.world.broken = {"old"}

    with pytest.raises(StepFailed, match="refuses the credential"):
        await scene.abort()
    stays = scene.phase
    scene.clock.advance(DAY + 1)
    await scene.run()

    assert (stays, scene.phase) == ("soaking", "done")
    assert scene.world.secret["client_id"] == "new-1"


async def test_a_creation_whose_reply_is_lost_for_a_day_leaves_no_orphan() -> None:
    """Its secret can never be read again: it goes, and a new rotation begins."""
    scene = Scene()
    scene.world.crash_at = 3  # created, and nobody heard of it
    with pytest.raises(Crash):
        await scene.run(now=True)
    scene.world.restart()
    scene.world.replies.clear()
    scene.clock.advance(25 * 3600)

    await scene.run()
    await scene.run(now=True)

    assert scene.world.created == ["new-1", "new-2"]
    assert list(scene.world.known) == ["new-2"]


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


async def test_a_secret_that_somebody_changed_meanwhile_is_left_alone() -> None:
    """Somebody put another credential in force by hand."""
    scene = Scene(RotationOptions(canary=600, lock_ttl=60))
    await scene.run(now=True)
    scene.world.secret["client_id"] = "by-hand"
    scene.world.secret["client_secret"] = "s-by-hand"
    scene.world.known["by-hand"] = scene.world._record("by-hand", "x")
    scene.clock.advance(601)

    with pytest.raises(Conflict):
        await scene.run()

    assert scene.world.secret["client_id"] == "by-hand"
    assert scene.world.revoked == []


async def test_a_way_back_ends_with_the_revocation() -> None:
    """What is revoked cannot be put in force again."""
    scene = Scene(RotationOptions(canary=0, soak=0, lock_ttl=60))
    scene.world.known["old"] = _used(scene, scene.clock.unix())
    await scene.run(now=True)

    with pytest.raises(StepFailed, match="let the rotation end"):
        await scene.abort()

    assert scene.phase == "revoking"


async def test_without_a_rotation_there_is_nothing_to_abort() -> None:
    """An abort too many must not break anything."""
    scene = Scene()

    said = (await scene.abort()).said

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


def _used(scene: Scene, at: float) -> Known:
    return replace(scene.world.known["old"], last_used=at)


async def test_a_next_credential_that_is_the_one_in_force_is_never_revoked() -> None:
    """Somebody promoted by hand, and left next_* behind."""
    scene = Scene()
    scene.world.secret |= {"next_client_id": "old", "next_client_secret": "s-old"}

    with pytest.raises(StepFailed, match="remove next_"):
        await scene.run(now=True)

    assert (scene.world.revoked, list(scene.world.known)) == ([], ["old"])


async def test_a_swap_needs_the_next_credential_to_be_there_still() -> None:
    """The lock lapsed, and somebody aborted between the look and the write."""
    scene = Scene()
    store = DictStore(scene.world)
    change = store.change

    async def late(fields: Any, *, expect: Any) -> None:
        for name in [n for n in scene.world.secret if n.startswith("next_")]:
            if "client_secret" in fields:
                del scene.world.secret[name]
        await change(fields, expect=expect)

    store.change = late  # type: ignore[method-assign]
    run = scene.process()
    run._store = store

    with pytest.raises(Conflict):
        await run.run(now=True)

    assert scene.world.secret["client_id"] == "old"
