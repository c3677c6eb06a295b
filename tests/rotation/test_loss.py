"""A destroyed state is reported as lost, and blocks no rotation."""

import pytest

from gateway.core.secret import Secret
from gateway.rotation.loss import explain_loss, read_loss
from gateway.rotation.ports import Fields
from tests.rotation.scene import LONG_SOAK, Scene


async def lost_at(phase: str) -> Scene:
    """Return a scene whose state was destroyed in a phase of its rotation."""
    scene = Scene(LONG_SOAK)
    await scene.killed_at(phase)
    scene.lose_state()
    return scene


async def test_another_rotation_can_be_begun_after_a_loss() -> None:
    """It said that another run holds the lock, for ever."""
    scene = await lost_at("stored")

    await scene.run(now=True)

    assert scene.phase == "soaking"
    assert scene.world.revoked == ["new-1"]
    assert any("version" in said and "destroyed" in said for said in scene.said)


async def test_an_abort_after_a_loss_takes_back_what_was_stored_as_next() -> None:
    """An unknown credential must not live on at Dinie."""
    scene = await lost_at("canary")

    progress = await scene.abort()

    assert (progress.failed, scene.next_fields()) == (False, [])
    assert scene.world.revoked == ["new-1"]
    assert "revoked and removed" in progress.message
    assert "lost" not in scene.world.state


async def test_an_abort_after_a_loss_names_what_it_cannot_judge() -> None:
    """The one in force and the one before look alike: a human decides."""
    scene = await lost_at("soaking")
    scene.puts("old")

    progress = await scene.abort()

    assert progress.message.startswith(
        "Nothing is left as next_*. Dinie lists gateway-"
    )
    assert scene.world.secret["client_id"] == "old"


async def test_a_loss_is_told_after_a_run_that_was_not_due() -> None:
    """Its lock makes a new version, and would hide what happened from a human."""
    scene = await lost_at("soaking")
    version = scene.world.state_version

    await scene.run()

    held = {name: Secret(value) for name, value in scene.world.state.items()}
    later = Fields(held, version=scene.world.state_version)
    assert read_loss(later) == f"version {version} was destroyed"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(Fields({}, version=0), "", id="never-there"),
        pytest.param(
            Fields({}, version=7, gone="deleted"), "version 7 was deleted", id="deleted"
        ),
        pytest.param(
            Fields({"lost": Secret("version 7 was destroyed")}, version=9),
            "version 7 was destroyed",
            id="written-along",
        ),
        pytest.param(Fields({"lost": Secret("whsec_a")}, version=9), "", id="by-hand"),
    ],
)
def test_how_a_state_was_lost(fields: Fields, expected: str) -> None:
    """Nothing that lies there is repeated unless we wrote it."""
    assert read_loss(fields) == expected


def test_a_loss_is_explained_with_what_to_do() -> None:
    """The reader may never have seen a rotation."""
    said = explain_loss("version 7 was destroyed")

    assert "version 7 was destroyed" in said
    assert "--abort" in said
