"""Revocations: of what is unwanted, never of what serves, and believed when listed."""

import pytest

from gateway.core.secret import Secret
from gateway.rotation.policy import State, write
from gateway.rotation.ports import Pair, StepFailed
from gateway.rotation.revoke import Revoker
from tests.rotation.scene import Scene

MADE = Pair(Secret("late"), Secret("s-late"))


async def revoker(scene: Scene) -> Revoker:
    context = scene.context()
    lock = context.lock()
    await lock.__aenter__()
    return Revoker(context, lock)


async def test_what_serves_is_never_revoked() -> None:
    """Whatever is asked for."""
    scene = Scene()
    scene.world.known["other"] = scene.world._record("other", "x")

    await (await revoker(scene)).revoke(
        Pair(Secret("old"), Secret("s-old")), lambda _: True
    )

    assert (scene.world.revoked, list(scene.world.known)) == (["other"], ["old"])


@pytest.mark.parametrize(
    ("rotation", "phase", "gone"),
    [
        pytest.param("id1", "aborted", True, id="aborted"),
        pytest.param("id2", "canary", True, id="another-is-under-way"),
        pytest.param("id1", "creating", False, id="another-run-goes-on"),
        pytest.param("id1", "withdrawing", True, id="the-list-was-read-before"),
    ],
)
async def test_what_came_after_its_rotation_is_taken_away(
    rotation: str, phase: str, *, gone: bool
) -> None:
    """Unless another run has it by the same key."""
    scene = Scene()
    made = await revoker(scene)
    scene.world.known["late"] = scene.world._record("late", "gateway-rotation-id1")
    other = State(rotation, "creating", 0.0, 0.0, "old", "new").to(phase, 0.0)  # type: ignore[arg-type]
    scene.world.state |= {k: v.reveal() for k, v in write(other).items()}

    await made.revoke_orphan(MADE, State("id1", "creating", 0.0, 0.0, "old"))

    assert ("late" not in scene.world.known) is gone


async def test_what_gateways_use_is_left_alone_however_it_came() -> None:
    """An operator put it in force by hand."""
    scene = Scene()
    made = await revoker(scene)
    scene.world.known["late"] = scene.world._record("late", "x")
    scene.world.secret |= {"client_id": "late", "client_secret": "s-late"}

    await made.revoke_orphan(MADE, State("id1", "creating", 0.0, 0.0, "old"))

    assert scene.world.revoked == []


async def test_what_the_way_back_keeps_is_left_alone() -> None:
    """Another run has it by the same key, and may need it yet."""
    scene = Scene()
    made = await revoker(scene)
    scene.world.known["late"] = scene.world._record("late", "x")
    other = State("id1", "withdrawing", 0.0, 0.0, "old", "late", new_secret=Secret("s"))
    scene.world.state |= {k: v.reveal() for k, v in write(other).items()}

    await made.revoke_orphan(MADE, State("id1", "creating", 0.0, 0.0, "old"))

    assert scene.world.revoked == []


async def test_with_a_damaged_state_nothing_is_guessed() -> None:
    """It is said, and the credential stays at Dinie under its name."""
    scene = Scene()
    made = await revoker(scene)
    scene.world.state |= {"id": "id1", "phase": "hush"}

    with pytest.raises(StepFailed, match="the phase is unknown"):
        await made.revoke_orphan(MADE, State("id1", "creating", 0.0, 0.0, "old"))

    assert scene.world.revoked == []


async def test_a_late_one_is_not_revoked_by_one_of_another_environment() -> None:
    """An operator overwrote the credential in force meanwhile."""
    scene = Scene()
    made = await revoker(scene)
    scene.faults = {"old": ["environment sandbox and the credential disagree"]}

    with pytest.raises(StepFailed, match="disagree"):
        await made.revoke_orphan(MADE, State("id1", "creating", 0.0, 0.0, "old"))
