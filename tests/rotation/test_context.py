"""Context: the credential that may be sent to Dinie."""

import pytest

from gateway.core.secret import Secret
from gateway.rotation.ports import StepFailed
from tests.rotation.scene import Scene


async def test_the_credential_in_force_is_the_one_that_gateways_read() -> None:
    """Its id and its secret, and nothing beside them."""
    pair = await Scene().context().current()

    assert (pair.client_id, pair.client_secret) == (Secret("old"), Secret("s-old"))


@pytest.mark.parametrize("name", ["client_id", "client_secret"])
async def test_half_a_credential_is_none(name: str) -> None:
    """What is missing is named."""
    scene = Scene()
    scene.world.secret[name] = ""

    with pytest.raises(StepFailed, match=f"lacks {name}"):
        await scene.context().current()


async def test_one_of_another_environment_is_not_given() -> None:
    """The caller would send it."""
    scene = Scene()
    scene.faults = {"old": ["environment sandbox and the credential disagree"]}

    with pytest.raises(StepFailed, match="disagree"):
        await scene.context().current()
