"""A rotation's run that slept through its lock: it disturbs nobody when it wakes."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.rotation.options import RotationOptions
from gateway.rotation.ports import Conflict
from tests.rotation.scene import DAY, Scene

LONG_SOAK = RotationOptions(canary=0, soak=DAY, lock_ttl=60)
LONG_CANARY = RotationOptions(canary=600, soak=0, idle=0, lock_ttl=60)


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


async def test_a_late_restore_leaves_the_next_rotation_alone() -> None:
    """It takes away its own next_*, and nobody else's."""
    scene = Scene(LONG_CANARY)
    await scene.run(now=True)

    async def meanwhile() -> None:
        await scene.abort_wholly()
        await scene.run(now=True)

    context = scene.context()
    real = context.store.change

    async def slow(fields: Any, *, expect: Any) -> None:
        context.store.change = real  # type: ignore[method-assign]
        scene.clock.advance(61)
        await meanwhile()
        await real(fields, expect=expect)

    context.store.change = slow  # type: ignore[method-assign]
    with pytest.raises(Conflict):
        await scene.process(context).abort()

    assert scene.phase == "canary"
    assert scene.world.secret["next_client_id"] == "new-2"
