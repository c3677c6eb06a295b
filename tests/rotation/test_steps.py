"""Steps: changes made meanwhile are noticed, and no step blocks for ever."""

from typing import Any

import pytest

from gateway.rotation.policy import BUSY
from gateway.rotation.ports import StepFailed
from tests.rotation.scene import BUSY_OLD, LONG_CANARY, Scene


async def test_a_next_credential_that_nobody_made_here_is_left_alone() -> None:
    """An operator put it there by hand."""
    scene = Scene()
    scene.world.secret |= {"next_client_id": "by-hand", "next_client_secret": "s"}

    with pytest.raises(StepFailed, match="no rotation made it"):
        await scene.run(now=True)

    assert (scene.world.revoked, list(scene.world.known)) == ([], ["old"])


async def test_a_next_credential_that_is_in_force_is_taken_out_of_next() -> None:
    """An operator promoted it by hand and left it: revoking it would end everything."""
    scene = Scene()
    scene.world.secret |= {"next_client_id": "old", "next_client_secret": "s-old"}

    await scene.run(now=True)

    assert (scene.phase, scene.next_fields()) == ("done", [])
    assert scene.world.revoked == ["old"]


async def test_a_next_credential_of_another_environment_is_sent_nowhere() -> None:
    """An operator overwrote it with one of production."""
    scene = Scene(LONG_CANARY)
    await scene.run(now=True)
    scene.faults = {"new-1": ["environment sandbox and the credential disagree"]}
    scene.world.broken = {"new-1"}  # a call with it fails otherwise
    scene.clock.advance(601)

    with pytest.raises(StepFailed, match="disagree"):
        await scene.run()


async def test_a_credential_put_in_force_by_hand_is_left_alone() -> None:
    """And there is a way out: the abort takes away what the rotation made."""
    scene = Scene(LONG_CANARY)
    await scene.run(now=True)
    scene.puts("by-hand")
    scene.world.broken = {"old"}
    scene.clock.advance(601)

    with pytest.raises(StepFailed, match="by hand"):
        await scene.run()
    untouched = scene.world.secret["client_id"], list(scene.world.revoked)
    await scene.abort()

    assert untouched == ("by-hand", [])
    assert scene.phase == "aborted"
    assert list(scene.world.known) == ["old", "by-hand"]


@pytest.mark.parametrize("phase", ["canary", "promoting"])
async def test_a_new_one_put_in_force_by_hand_goes_on_to_its_soak(phase: str) -> None:
    """An earlier run swapped it; next_* is not left to the next rotation."""
    scene = Scene(LONG_CANARY)
    await scene.run(now=True)
    scene.clock.advance(601)
    if phase == "promoting":
        await scene.killed_at(phase)
    scene.puts("new-1")

    await scene.run()

    assert (scene.phase, scene.next_fields()) == ("done", [])
    assert list(scene.world.known) == ["new-1"]
    await scene.run(now=True)
    assert (scene.phase, scene.world.secret["next_client_id"]) == ("canary", "new-2")


async def test_a_new_one_put_in_force_by_hand_can_be_gone_back_from() -> None:
    """The old one's secret was noted when the rotation began."""
    scene = Scene(LONG_CANARY)
    await scene.run(now=True)
    scene.puts("new-1")

    await scene.abort_wholly()

    assert scene.phase == "aborted"
    assert scene.world.secret["client_secret"] == "s-old"
    assert list(scene.world.known) == ["old"]


async def test_a_resumed_swap_is_proven_anew() -> None:
    """It was killed right before, and the new credential died in the meantime."""
    scene = Scene()
    await scene.killed_at("promoting")
    scene.world.broken = {"new-1"}

    turned = await scene.run()
    scene.clock.advance(200)
    await scene.run()

    assert (turned.failed, scene.phase) == (True, "aborted")
    assert scene.world.secret["client_id"] == "old"
    assert list(scene.world.known) == ["old"]


async def test_an_old_one_that_stays_in_use_for_days_is_said() -> None:
    """A forgotten service holds it: waiting does not help."""
    scene = Scene(BUSY_OLD)
    scene.uses_old()
    await scene.run(now=True)
    scene.clock.advance(BUSY + 1)
    scene.uses_old()

    with pytest.raises(StepFailed, match="find out who holds it"):
        await scene.run()
    scene.clock.advance(7201)
    await scene.run()

    assert scene.phase == "done"


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
