"""The steps: what somebody else did meanwhile is seen, and nothing stays for ever."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.rotation.options import RotationOptions
from gateway.rotation.policy import BUSY
from gateway.rotation.ports import StepFailed
from tests.rotation.scene import DAY, Crash, Scene

BUSY_OLD = RotationOptions(canary=0, soak=0, idle=7200, lock_ttl=60)
LONG_SOAK = RotationOptions(canary=0, soak=DAY, lock_ttl=60)
LONG_CANARY = RotationOptions(canary=600, soak=0, idle=0, lock_ttl=60)


def uses_old(scene: Scene) -> None:
    """Let somebody use the old credential now."""
    old = scene.world.known["old"]
    scene.world.known["old"] = replace(old, last_used=scene.clock.unix())


async def killed_at(scene: Scene, phase: str) -> None:
    """Run until a phase is written down, and die there."""
    context = scene.context()
    store: Any = context.store
    write = store.write_state

    async def last(fields: Any) -> None:
        await write(fields)
        if scene.phase == phase:
            scene.world.crashed = True
            raise Crash

    store.write_state = last
    with pytest.raises(Crash):
        await scene.process(context).run(now=not scene.phase)
    scene.world.restart()
    scene.clock.advance(61)


async def test_a_next_credential_that_nobody_made_here_is_left_alone() -> None:
    """Somebody put it there by hand, or promoted by hand and left it."""
    scene = Scene()
    scene.world.secret |= {"next_client_id": "old", "next_client_secret": "s-old"}

    with pytest.raises(StepFailed, match="remove next_"):
        await scene.run(now=True)
    scene.world.secret["next_client_id"] = "by-hand"
    with pytest.raises(StepFailed, match="no rotation made it"):
        await scene.run()

    assert (scene.world.revoked, list(scene.world.known)) == ([], ["old"])


async def test_a_next_credential_of_another_environment_is_sent_nowhere() -> None:
    """Somebody overwrote it with one of production."""
    scene = Scene(LONG_CANARY)
    await scene.run(now=True)
    scene.faults = {"new-1": ["environment sandbox and the credential disagree"]}
    scene.world.broken = {"new-1"}  # whoever shows it to Dinie fails otherwise
    scene.clock.advance(601)

    with pytest.raises(StepFailed, match="disagree"):
        await scene.run()


async def test_a_credential_put_in_force_by_hand_is_left_alone() -> None:
    """And there is a way out: the abort takes away what the rotation made."""
    scene = Scene(LONG_CANARY)
    await scene.run(now=True)
    scene.world.secret |= {"client_id": "by-hand", "client_secret": "s-by-hand"}
    scene.world.known["by-hand"] = scene.world._record("by-hand", "x")
    scene.world.broken = {"old"}
    scene.clock.advance(601)

    with pytest.raises(StepFailed, match="by hand"):
        await scene.run()
    untouched = scene.world.secret["client_id"], list(scene.world.revoked)
    await scene.abort()

    assert untouched == ("by-hand", [])
    assert scene.phase == "aborted"
    assert list(scene.world.known) == ["old", "by-hand"]


async def test_a_new_one_put_in_force_by_hand_goes_on_to_its_soak() -> None:
    """Somebody was quicker than the canary."""
    scene = Scene(LONG_CANARY)
    await scene.run(now=True)
    scene.world.secret |= {"client_id": "new-1", "client_secret": "s-new-1"}
    scene.clock.advance(601)

    await scene.run()

    assert scene.phase == "done"
    assert list(scene.world.known) == ["new-1"]


async def test_a_resumed_swap_is_proven_anew() -> None:
    """It was killed right before, and the new credential died in the meantime."""
    scene = Scene()
    await killed_at(scene, "promoting")
    scene.world.broken = {"new-1"}

    turned = await scene.run()
    scene.clock.advance(200)
    await scene.run()

    assert (turned.failed, scene.phase) == (True, "aborted")
    assert scene.world.secret["client_id"] == "old"
    assert list(scene.world.known) == ["old"]


@pytest.mark.parametrize("phase", ["soaking", "revoking"])
async def test_a_new_credential_that_dies_is_gone_back_from(phase: str) -> None:
    """By itself, within the run that sees it, while the old one works."""
    scene = Scene(LONG_SOAK if phase == "soaking" else BUSY_OLD)
    uses_old(scene)
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
    """While gateways went back to the old one, somebody decided otherwise."""
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
    uses_old(scene)
    await scene.run(now=True)
    assert scene.phase == "revoking"

    await scene.abort_wholly()

    assert scene.world.secret["client_id"] == "old"
    assert list(scene.world.known) == ["old"]


async def test_an_old_one_that_stays_in_use_for_days_is_said() -> None:
    """Somebody holds it that nobody remembers: waiting does not help."""
    scene = Scene(BUSY_OLD)
    uses_old(scene)
    await scene.run(now=True)
    scene.clock.advance(BUSY + 1)
    uses_old(scene)

    with pytest.raises(StepFailed, match="find out who holds it"):
        await scene.run()
    scene.clock.advance(7201)
    await scene.run()

    assert scene.phase == "done"


async def deleting(scene: Scene) -> None:
    """Bring a rotation to where the old one may be revoked already."""
    await scene.run(now=True)
    scene.clock.advance(DAY + 1)
    await killed_at(scene, "deleting")


async def test_a_way_back_ends_with_the_revocation() -> None:
    """What may be revoked by now is not put in force again."""
    scene = Scene(LONG_SOAK)
    await deleting(scene)

    with pytest.raises(StepFailed, match="let the rotation end"):
        await scene.abort()
    await scene.run()

    assert scene.phase == "done"


async def test_a_new_one_that_dies_last_can_still_be_gone_back_from() -> None:
    """The old one was not revoked after all, and somebody says so."""
    scene = Scene(LONG_SOAK)
    await deleting(scene)
    scene.world.broken = {"new-1"}

    with pytest.raises(StepFailed):
        await scene.run()
    await scene.abort_wholly()

    assert scene.world.secret["client_id"] == "old"
    assert list(scene.world.known) == ["old"]


@pytest.mark.parametrize("way", ["on", "back"])
async def test_a_revocation_is_believed_when_the_list_says_so(way: str) -> None:
    """Dinie answers 204 or 404, and goes on to list it as active."""
    scene = Scene(LONG_CANARY)
    context = scene.context()

    async def nothing(*_: Any) -> None:
        await context.store.secret()

    await scene.run(now=True)
    scene.clock.advance(601)
    context.dinie.revoke = nothing  # type: ignore[method-assign,assignment]
    run = scene.process(context)

    with pytest.raises(StepFailed, match="still lists"):
        await (run.run() if way == "on" else run.abort())

    assert scene.phase == ("deleting" if way == "on" else "withdrawing")


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
