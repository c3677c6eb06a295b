"""A new credential proves itself before it replaces the one in force."""

import asyncio
from collections import Counter

from gateway.secrets.ports import SecretSet, Verdict
from tests.secrets.scene import Provider, Scene


def proving(scene: Scene, *verdicts: Verdict) -> list[str]:
    """Have new credentials tried; return where the tried versions are noted."""
    tried: list[str] = []
    said = list(verdicts)

    async def prove(found: SecretSet) -> Verdict:
        tried.append(found.version)
        return said.pop(0)

    scene.watcher.prove_with(prove)
    return tried


async def test_the_first_credential_is_taken_untried() -> None:
    """There is none to keep, and the token endpoint may be away."""
    scene = Scene(Provider("1"))
    tried = proving(scene)

    await scene.watcher.refresh("start")

    assert (scene.version, tried) == ("1", [])


async def test_a_new_credential_is_taken_once_it_is_proven() -> None:
    """A typing error in Vault must not reach the callers."""
    scene = Scene(Provider("1", "2"))
    tried = proving(scene, "good")
    await scene.watcher.refresh("start")

    changed = await scene.watcher.refresh("scheduled")

    assert (changed, scene.version, tried) == (True, "2", ["2"])


async def test_a_refused_credential_leaves_the_old_one_in_force() -> None:
    """It is tried again once a minute, and an operator is told."""
    scene = Scene(Provider("1", "2"))
    tried = proving(scene, "refused", "good")
    await scene.watcher.refresh("start")

    await scene.watcher.refresh("scheduled")
    await scene.watcher.refresh("too soon")
    before = scene.version
    scene.clock.advance(61)
    await scene.watcher.refresh("scheduled")

    assert (before, scene.version, tried) == ("1", "2", ["2", "2"])
    assert scene.refused == Counter(credential=1)
    assert [name for name, _ in scene.events].count("secrets_refused") == 1


async def test_a_credential_that_cannot_be_tried_is_tried_again_soon() -> None:
    """An outage of the token endpoint says nothing about it."""
    scene = Scene(Provider("1", "2"))
    tried = proving(scene, "unknown", "good")
    await scene.watcher.refresh("start")
    taken = asyncio.Event()
    scene.watcher.add_listener(taken.set)
    running = asyncio.get_running_loop().create_task(scene.watcher.run())
    await taken.wait()
    running.cancel()

    assert tried == ["2", "2"]
    assert scene.refused == Counter(unproven=1)
    assert scene.clock.slept[0] <= 1.0


async def test_another_field_needs_no_trial() -> None:
    """A new webhook secret is none of the token endpoint's business."""
    scene = Scene(Provider("1", "2"))
    tried = proving(scene)
    await scene.watcher.refresh("start")
    scene.provider.same_pair = True

    await scene.watcher.refresh("scheduled")

    assert (scene.version, tried) == ("2", [])
