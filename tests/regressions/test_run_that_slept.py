"""A rotation's run that slept through its lock: it disturbs nobody when it wakes."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.rotation.ports import Conflict
from tests.rotation.scene import DAY, LONG_CANARY, LONG_SOAK, Scene


def sleeps_in(scene: Scene, call: str, then: Callable[[], Awaitable[Any]]) -> Any:
    """Return a run that sleeps through its lock: before a change, after an answer."""
    context = scene.context()
    part: Any = context.store if call == "change" else context.dinie
    real = getattr(part, call)

    async def slow(*args: Any, **more: Any) -> Any:
        swap = call == "change" and "client_secret" in args[0]
        said = None if swap else await real(*args, **more)
        if swap or call != "change":
            setattr(part, call, real)
            scene.clock.advance(61)
            await then()
        return await real(*args, **more) if swap else said

    setattr(part, call, slow)
    return scene.process(context)


async def test_a_swap_by_a_run_that_slept_changes_nothing() -> None:
    """Somebody aborted meanwhile: its credential is revoked by now."""
    scene = Scene()
    slow = sleeps_in(scene, "change", scene.abort_wholly)

    with pytest.raises(Conflict):
        await slow.run(now=True)

    assert scene.world.secret["client_id"] == "old"
    assert (scene.phase, list(scene.world.known)) == ("aborted", ["old"])


async def test_a_revocation_by_a_run_that_slept_is_not_asked_for() -> None:
    """It looked, slept, and somebody went back to the old one meanwhile."""
    scene = Scene(LONG_SOAK)
    await scene.run(now=True)
    scene.clock.advance(DAY + 1)
    slow = sleeps_in(scene, "credentials", scene.abort_wholly)

    with pytest.raises(Conflict):
        await slow.run()

    assert scene.world.secret["client_id"] == "old"
    assert scene.world.revoked == ["new-1"]


async def test_what_a_run_that_slept_leaves_behind_is_cleared_away() -> None:
    """It had asked for a credential, and stored it after the rotation had ended."""
    scene = Scene()
    world = scene.world

    async def end_it() -> None:
        await scene.abort()

    slow = sleeps_in(scene, "create", end_it)
    with pytest.raises(Conflict):
        await slow.run(now=True)
    left = {"id": "new-0", "secret": "s-new-0", "rotation": "id0"}
    world.secret |= {f"next_client_{name}": value for name, value in left.items()}
    world.known["new-0"] = world._record("new-0", "gateway-rotation-id0")
    scene.clock.advance(61)

    await scene.run(now=True)

    assert scene.phase == "done"
    assert "new-0" not in world.known
    assert not [name for name in world.secret if name.startswith("next_")]


def sleeps_before_its_change(scene: Scene, then: Callable[[], Awaitable[Any]]) -> Any:
    """Return a run that holds a change back until its lock has run out."""
    context = scene.context()
    real = context.store.change

    async def slow(fields: Any, *, since: Any) -> None:
        context.store.change = real  # type: ignore[method-assign]
        scene.clock.advance(61)
        await then()
        await real(fields, since=since)

    context.store.change = slow  # type: ignore[method-assign]
    return scene.process(context)


async def test_a_late_restore_leaves_the_next_rotation_alone() -> None:
    """It takes away its own next_*, and nobody else's."""
    scene = Scene(LONG_CANARY)
    await scene.run(now=True)

    async def meanwhile() -> None:
        await scene.abort_wholly()
        await scene.run(now=True)

    slow = sleeps_before_its_change(scene, meanwhile)
    with pytest.raises(Conflict):
        await slow.abort()

    assert scene.phase == "canary"
    assert scene.world.secret["next_client_id"] == "new-2"


@pytest.mark.parametrize("swapped", [True, False], ids=["swapped", "on-trial"])
async def test_a_late_restore_does_not_undo_what_went_on(*, swapped: bool) -> None:
    """The old one died after it was proven: another run turned, and went on."""
    scene = Scene(LONG_SOAK if swapped else LONG_CANARY)
    await scene.run(now=True)

    async def meanwhile() -> None:
        scene.world.broken = {"old"}
        await scene.run()

    slow = sleeps_before_its_change(scene, meanwhile)
    with pytest.raises(Conflict):
        await slow.abort()
    stays = dict(scene.world.secret)
    scene.clock.advance(DAY + 1)
    await scene.run()

    assert (scene.phase, scene.world.secret["client_id"]) == ("done", "new-1")
    assert stays["client_id" if swapped else "next_client_id"] == "new-1"


async def test_a_late_store_leaves_nothing_behind_after_an_abort() -> None:
    """What it would store is revoked by then."""
    scene = Scene()
    slow = sleeps_before_its_change(scene, scene.abort_wholly)

    with pytest.raises(Conflict):
        await slow.run(now=True)

    assert (scene.phase, scene.next_fields()) == ("aborted", [])
    assert list(scene.world.known) == ["old"]


async def test_a_late_store_does_not_write_over_the_state_of_others() -> None:
    """It asks how far they are; its own idea of that is old."""
    scene = Scene(LONG_SOAK)
    slow = sleeps_before_its_change(scene, scene.run)

    with pytest.raises(Conflict):
        await slow.run(now=True)

    assert (scene.phase, scene.world.secret["client_id"]) == ("soaking", "new-1")
