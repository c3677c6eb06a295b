"""Rollback: whichever credential is refused, the other can be put in force."""

import pytest

from gateway.rotation.ports import StepFailed
from tests.rotation.scene import BUSY_OLD, DAY, LONG_CANARY, LONG_SOAK, Crash, Scene


async def deleting(scene: Scene) -> None:
    """Bring a rotation to where the old one may be revoked already."""
    await scene.run(now=True)
    scene.clock.advance(DAY + 1)
    await scene.killed_at("deleting")


@pytest.mark.parametrize("phase", ["soaking", "revoking"])
async def test_a_new_credential_that_dies_is_gone_back_from(phase: str) -> None:
    """By itself, within the run that sees it, while the old one works."""
    scene = Scene(LONG_SOAK if phase == "soaking" else BUSY_OLD)
    scene.uses_old()
    await scene.run(now=True)
    assert scene.phase == phase
    scene.world.secret["client_created_at"] = "5"
    scene.world.broken = {"new-1"}

    turned = await scene.run()
    in_force = scene.world.secret["client_id"]
    scene.clock.advance(200)
    await scene.run()

    assert (turned.failed, in_force) == (True, "old")
    assert scene.phase == "aborted"
    assert list(scene.world.known) == ["old"]
    assert scene.world.state["old_client_secret"] == ""


async def test_the_age_of_the_old_one_comes_back_with_it() -> None:
    """Without it no alert would tell when that one ends."""
    scene = Scene(LONG_SOAK)
    ages = {"client_created_at": "1700000000", "client_expires_at": "1800000000"}
    scene.world.secret |= ages
    before = dict(scene.world.secret)
    await scene.run(now=True)

    await scene.abort_wholly()

    assert scene.world.secret == before


async def test_there_is_no_way_back_to_what_does_not_work() -> None:
    """The new one serves, and the old one ended earlier than it should have."""
    scene = Scene(LONG_SOAK)
    await scene.run(now=True)
    scene.world.broken = {"old"}

    with pytest.raises(StepFailed, match="no way back"):
        await scene.abort()
    stays = scene.phase
    scene.clock.advance(DAY + 1)
    await scene.run()

    assert (stays, scene.phase) == ("soaking", "done")
    assert scene.world.secret["client_id"] == "new-1"


async def test_an_old_one_that_dies_on_the_way_back_turns_it_again() -> None:
    """The abort was written down; then only the new one worked."""
    scene = Scene(LONG_SOAK)
    await scene.run(now=True)
    scene.world.crash_at = scene.world.writes + 2  # the lock, and `restoring`
    with pytest.raises(Crash):
        await scene.abort()
    scene.world.restart()
    scene.world.broken = {"old"}
    scene.clock.advance(61)

    onward = await scene.run()
    scene.clock.advance(DAY + 1)
    await scene.run()

    assert onward.under_way
    assert (scene.phase, list(scene.world.known)) == ("done", ["new-1"])


async def test_a_new_one_put_back_by_hand_turns_the_way_back_again() -> None:
    """While gateways went back to the old one, an operator decided otherwise."""
    scene = Scene(LONG_SOAK)
    await scene.run(now=True)
    await scene.abort()
    scene.world.secret |= {"client_id": "new-1", "client_secret": "s-new-1"}
    scene.clock.advance(200)

    await scene.run()

    assert scene.phase == "soaking"
    assert scene.world.revoked == []


async def test_an_old_one_that_is_in_use_can_be_gone_back_to() -> None:
    """Nothing is revoked yet."""
    scene = Scene(BUSY_OLD)
    scene.uses_old()
    await scene.run(now=True)
    assert scene.phase == "revoking"

    await scene.abort_wholly()

    assert scene.world.secret["client_id"] == "old"
    assert list(scene.world.known) == ["old"]


async def test_a_way_back_ends_with_the_revocation() -> None:
    """What may be revoked by now is not put in force again."""
    scene = Scene(LONG_SOAK)
    await deleting(scene)

    with pytest.raises(StepFailed, match="let the rotation end"):
        await scene.abort()
    await scene.run()

    assert scene.phase == "done"


async def test_a_new_one_that_dies_last_can_still_be_gone_back_from() -> None:
    """The old one was not revoked after all, and an operator says so."""
    scene = Scene(LONG_SOAK)
    await deleting(scene)
    scene.world.broken = {"new-1"}

    with pytest.raises(StepFailed):
        await scene.run()
    await scene.abort_wholly()

    assert scene.world.secret["client_id"] == "old"
    assert list(scene.world.known) == ["old"]


async def test_an_abort_keeps_the_next_one_where_only_that_works() -> None:
    """The old one died while the new one was on trial: it is all there is."""
    scene = Scene(LONG_CANARY)
    await scene.run(now=True)
    scene.world.broken = {"old"}

    with pytest.raises(StepFailed, match="no way back"):
        await scene.abort()
    scene.clock.advance(601)
    await scene.run()

    assert (scene.phase, scene.world.secret["client_id"]) == ("done", "new-1")


async def test_an_old_one_that_dies_after_it_was_put_back_gives_way_again() -> None:
    """The new one is kept until it is revoked, so it is not lost with the swap."""
    scene = Scene(LONG_SOAK)
    await scene.run(now=True)
    age = dict(scene.world.secret)
    await scene.abort()
    restored = scene.world.secret["client_id"]
    scene.world.broken = {"old"}

    onward = await scene.run()
    in_force = dict(scene.world.secret)
    scene.clock.advance(DAY + 1)
    await scene.run()

    assert (restored, in_force) == ("old", age)
    assert (onward.under_way, onward.failed) == (True, True)
    assert (scene.phase, list(scene.world.known)) == ("done", ["new-1"])
    assert "s-new-1" not in scene.world.state.values()


async def test_an_abort_that_meets_a_dead_old_one_says_that_it_went_on() -> None:
    """The exit code must not pass for an abort."""
    scene = Scene(LONG_SOAK)
    await scene.run(now=True)
    await scene.killed_at("restoring", abort=True)
    scene.world.broken = {"old"}

    onward = await scene.abort()

    assert (onward.failed, scene.phase) == (True, "soaking")
    assert scene.world.secret["client_id"] == "new-1"


async def test_a_new_one_on_trial_serves_where_the_old_one_dies_on_the_way() -> None:
    """It was taken out of the secret, and is in the state yet."""
    scene = Scene(LONG_CANARY)
    await scene.run(now=True)
    await scene.killed_at("withdrawing", abort=True)
    taken = scene.next_fields()
    scene.world.broken = {"old"}

    await scene.abort()
    scene.clock.advance(DAY)
    await scene.run()

    assert taken == []
    assert (scene.phase, scene.world.secret["client_id"]) == ("done", "new-1")


async def test_where_both_died_a_third_one_is_asked_for_and_taken() -> None:
    """A human puts it in force; then the abort ends."""
    scene = Scene(LONG_SOAK)
    await scene.run(now=True)
    await scene.abort()
    scene.world.broken = {"old", "new-1"}
    scene.clock.advance(200)
    for again in (scene.run, scene.abort):
        with pytest.raises(StepFailed, match="put a working one in force"):
            await again()
    scene.puts("by-hand")

    await scene.abort()

    assert scene.phase == "aborted"
    assert scene.world.secret["client_id"] == "by-hand"
    assert scene.world.revoked == ["new-1"]


async def test_a_creation_that_nobody_noted_serves_where_the_old_one_dies() -> None:
    """Killed before its id was written down, aborted, killed again, and then alone."""
    scene = Scene(LONG_CANARY)
    scene.world.crash_at = 6  # next_* is stored; `stored` is not written
    with pytest.raises(Crash):
        await scene.run(now=True)
    scene.world.restart()
    scene.clock.advance(61)
    noted = scene.world.state["new_client_id"]
    await scene.killed_at("restoring", abort=True)
    scene.world.broken = {"old"}

    await scene.abort()
    scene.clock.advance(601)
    await scene.run()

    assert (noted, scene.phase) == ("", "done")
    assert scene.world.secret["client_id"] == "new-1"


async def test_a_repair_by_hand_ends_a_rotation_that_was_deleting() -> None:
    """Both died; what a human put in force is neither of them."""
    scene = Scene(LONG_SOAK)
    await deleting(scene)
    scene.world.broken = {"old", "new-1"}
    for again in (scene.run, scene.abort):
        with pytest.raises(StepFailed):
            await again()
    scene.puts("by-hand")
    with pytest.raises(StepFailed, match="--abort"):
        await scene.run()

    await scene.abort_wholly()

    assert scene.phase == "aborted"
    assert scene.world.secret["client_id"] == "by-hand"


async def test_a_next_one_that_somebody_replaced_is_not_revoked_by_an_abort() -> None:
    """It may be in use elsewhere; what the rotation made goes."""
    scene = Scene(LONG_CANARY)
    await scene.run(now=True)
    scene.world.known["theirs"] = scene.world._record("theirs", "x")
    scene.world.secret["next_client_id"] = "theirs"

    await scene.abort()

    assert (scene.phase, scene.world.revoked) == ("aborted", ["new-1"])
    assert scene.next_fields() == []


async def test_a_next_one_of_another_environment_can_be_gone_back_from() -> None:
    """It is sent nowhere, and taken out."""
    scene = Scene(LONG_CANARY)
    await scene.run(now=True)
    scene.faults = {"new-1": ["environment sandbox and the credential disagree"]}

    await scene.abort()

    assert (scene.phase, scene.next_fields()) == ("aborted", [])
