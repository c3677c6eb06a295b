"""VaultStore: two secrets, and no write is lost."""

from collections.abc import AsyncIterator

import pytest

from gateway.core.secret import Secret
from gateway.rotation.ports import Conflict, StepFailed
from gateway.vault.options import VaultOptions
from gateway.vault.provider import open_store
from gateway.vault.rotation_store import VaultStore
from tests.vault.kv import errors
from tests.vault.scene import ID, SECRET, TOKEN, Scene

PATH = "dinie/local"


def opened(scene: Scene, token: str = TOKEN) -> VaultStore:
    options = VaultOptions(address=scene.vault.address, path=PATH)
    return open_store(options, {"VAULT_TOKEN": token})


@pytest.fixture
async def store(scene: Scene) -> AsyncIterator[VaultStore]:
    made = opened(scene)
    yield made
    made.close()


async def test_a_change_keeps_what_it_does_not_name(
    scene: Scene, store: VaultStore
) -> None:
    """Other tools keep things there that are no texts."""
    scene.vault.put(client_id=ID, client_secret=SECRET, port=5, next_client_id="x")

    await store.change(
        {"client_secret": Secret("new"), "next_client_id": None},
        since=await store.secret(),
    )

    data = scene.vault.versions[-1]["data"]
    assert data == {"client_id": ID, "client_secret": "new", "port": 5}


async def test_a_change_of_something_that_somebody_wrote_is_a_conflict(
    scene: Scene, store: VaultStore
) -> None:
    """Also of what reads the same: a write in between is a word of its own."""
    held = await store.secret()
    await store.change({}, since=held)
    before = len(scene.vault.versions)

    with pytest.raises(Conflict):
        await store.change({"a": Secret("b")}, since=held)

    assert len(scene.vault.versions) == before
    assert await store.secret() == held


async def test_a_write_in_between_is_a_conflict(scene: Scene) -> None:
    """Two jobs read the same state; only one of them goes on."""
    first, second = opened(scene), opened(scene)
    assert await first.state() == await second.state() == {}
    made = await first.write_state({"id": Secret("1")}, since=0)

    with pytest.raises(Conflict):
        await second.write_state({"id": Secret("2")}, since=0)

    assert await second.state() == {"id": Secret("1")}
    await first.write_state({"id": Secret("3")}, since=made)
    first.close()
    second.close()


async def test_a_state_can_be_written_again_and_again(
    scene: Scene, store: VaultStore
) -> None:
    """Each write gives the version that the next one needs."""
    version = (await store.state()).version
    for number in range(3):
        version = await store.write_state({"id": Secret(str(number))}, since=version)

    assert len(scene.vault.kv.secrets[f"{PATH}-rotation"]) == version == 3


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_write_that_may_have_been_done_is_not_repeated(
    scene: Scene, store: VaultStore, status: int
) -> None:
    """It would meet its own version, and call that a conflict."""
    await store.state()
    scene.vault.troubles = [errors(status, "x")]

    with pytest.raises(StepFailed):
        await store.write_state({"id": Secret("1")}, since=0)

    assert (
        scene.count(f"PUT secret/data/{PATH}-rotation")
        + scene.count(f"POST secret/data/{PATH}-rotation")
        == 1
    )


async def test_a_policy_that_lacks_the_write_is_named(
    scene: Scene, store: VaultStore
) -> None:
    """The sidecar's policy does not do for the job."""
    scene.vault.hidden = {"dinie/local-rotation"}

    with pytest.raises(StepFailed, match="secret/data/dinie/local-rotation"):
        await store.state()


async def test_a_bad_token_is_said(scene: Scene) -> None:
    """Nothing of it is repeated."""
    store = opened(scene, "hvs.unknown")

    with pytest.raises(StepFailed) as caught:
        await store.secret()

    store.close()
    assert "hvs.unknown" not in str(caught.value)


async def test_a_vault_that_answers_something_else_is_said(
    scene: Scene, store: VaultStore
) -> None:
    """A proxy in between, or a mount of another kind."""
    scene.vault.put(client_id=ID)
    scene.vault.versions[-1]["data"] = ["a", "list"]

    with pytest.raises(StepFailed, match="does not speak like Vault"):
        await store.secret()


@pytest.mark.parametrize("gone", ["deleted", "destroyed"])
async def test_a_state_that_is_gone_is_written_over_at_its_version(
    scene: Scene, store: VaultStore, gone: str
) -> None:
    """Vault counts on, also after `vault kv destroy`: 0 would be refused for ever."""
    version = await store.write_state({"id": Secret("1")}, since=0)
    remove = "delete_newest" if gone == "deleted" else "destroy_newest"
    getattr(scene.vault.kv, remove)(f"{PATH}-rotation")

    held = await store.state()
    await store.write_state({"id": Secret("2")}, since=held.version)

    assert (dict(held), held.version, held.gone) == ({}, version, gone)
    assert await store.state() == {"id": Secret("2")}


async def test_a_state_tells_when_it_was_written_by_vaults_clock(
    scene: Scene, store: VaultStore
) -> None:
    """A lock is believed for so long from then, whatever its holder's clock said."""
    scene.vault.kv.clock = lambda: 1_795_428_060.123
    await store.write_state({"id": Secret("1")}, since=0)

    held = await store.state()

    assert held.created == pytest.approx(1_795_428_060.123, abs=0.01)
