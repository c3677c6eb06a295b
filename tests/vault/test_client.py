"""Each call to Vault carries its own token only, and survives any response."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.core.secret import Secret
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault.client import VaultClient
from tests.vault.fake import FakeVault
from tests.vault.kv import envelope
from tests.vault.scene import ID, SECRET, TOKEN, Scene

MINE = Secret(TOKEN)


@pytest.fixture
async def client(scene: Scene) -> AsyncIterator[VaultClient]:
    made = VaultClient(scene.vault.address, namespace=None, ca_file=None, timeout=2.0)
    yield made
    made.close()


def saying(vault: FakeVault, data: Any = None, auth: Any = None) -> None:
    """Let Vault answer everything with this."""
    vault.canned = lambda: web.json_response(envelope(data, auth))


async def fails(call: Any) -> SecretsUnavailable:
    """Return what a call fails with."""
    with pytest.raises(SecretsUnavailable) as caught:
        await call
    return caught.value


async def test_a_login_gives_a_token_and_its_life(
    scene: Scene, client: VaultClient
) -> None:
    """Without its lease it could not be renewed in time."""
    granted = await client.login_approle(
        "approle", role_id=Secret("role-1"), secret_id=Secret("secret-id-1")
    )

    assert granted.token.reveal() == "hvs.login-1"
    assert (granted.duration, granted.renewable) == (3600, True)
    assert scene.vault.calls == ["POST auth/approle/login"]


async def test_no_token_is_picked_up_from_the_surroundings(
    scene: Scene,
    client: VaultClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The library looks at VAULT_TOKEN and at home: another user's rights."""
    (tmp_path / ".vault-token").write_text("hvs.of-the-home")
    monkeypatch.setenv("HOME", str(tmp_path))

    await client.login_approle(
        "approle", role_id=Secret("role-1"), secret_id=Secret("secret-id-1")
    )
    await client.read(Secret("hvs.login-1"), "secret", "dinie/local")

    sent = [headers.get("X-Vault-Token") for headers in scene.vault.headers]
    assert sent == [None, "hvs.login-1"]


async def test_two_calls_at_once_do_not_mix_their_tokens(
    scene: Scene, client: VaultClient
) -> None:
    """A library keeps its token on its session; a shared one would swap them."""
    scene.vault.grant("hvs.other")
    scene.vault.delay = 0.05

    await asyncio.gather(client.look_up(MINE), client.look_up(Secret("hvs.other")))

    sent = {headers["X-Vault-Token"] for headers in scene.vault.headers}
    assert sent == {TOKEN, "hvs.other"}


async def test_a_slow_vault_does_not_stop_the_loop(
    scene: Scene, client: VaultClient
) -> None:
    """The library blocks: on the loop it would hold up every request."""
    scene.vault.delay = 0.1
    asked = asyncio.ensure_future(client.look_up(MINE))
    turns = 0

    while not asked.done():
        turns += 1
        await asyncio.sleep(0.005)

    assert (await asked).token == MINE
    assert turns >= 5


async def test_the_stamp_of_metadata_and_data_are_the_same(
    client: VaultClient,
) -> None:
    """Otherwise each look would seem to find something new."""
    stamp = await client.newest_stamp(MINE, "secret", "dinie/local")
    fields, read = await client.read(MINE, "secret", "dinie/local")

    assert stamp == read
    assert stamp.number == 1
    assert {name: value.reveal() for name, value in fields.items()} == {
        "client_id": ID,
        "client_secret": SECRET,
        "webhook_secret": "whsec_a",
    }


async def test_a_renewal_gives_the_same_token_a_new_life(
    scene: Scene, client: VaultClient
) -> None:
    """What it grants now decides when the next one is due."""
    scene.vault.grant("hvs.mine", ttl=900)
    scene.vault.ttl = 900

    granted = await client.renew(Secret("hvs.mine"), increment=900)

    assert (granted.token.reveal(), granted.duration) == ("hvs.mine", 900)


GOOD = {"client_token": "hvs.x", "lease_duration": 60, "renewable": True}


@pytest.mark.parametrize(
    "auth",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="list"),
        pytest.param(GOOD | {"client_token": None}, id="no token"),
        pytest.param(GOOD | {"client_token": ""}, id="empty token"),
        pytest.param(GOOD | {"client_token": 1}, id="token is a number"),
        pytest.param(GOOD | {"lease_duration": "60"}, id="life is a text"),
        pytest.param(GOOD | {"lease_duration": True}, id="life is a flag"),
        pytest.param(GOOD | {"lease_duration": -1}, id="life is over"),
    ],
)
async def test_an_odd_login_is_malformed(
    scene: Scene, client: VaultClient, auth: Any
) -> None:
    """Something else may listen where Vault should; it must be no traceback."""
    saying(scene.vault, auth=auth)

    error = await fails(
        client.login_approle("approle", role_id=Secret("r"), secret_id=Secret("s"))
    )

    assert error.reason == "malformed"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(None, id="nothing"),
        pytest.param({}, id="empty"),
        pytest.param({"data": {}, "metadata": []}, id="metadata is a list"),
        pytest.param({"data": {}, "metadata": {}}, id="no version"),
        pytest.param({"data": {}, "metadata": {"version": True}}, id="version a flag"),
        pytest.param({"data": {}, "metadata": {"version": "1"}}, id="version a text"),
        pytest.param({"data": [], "metadata": {"version": 1}}, id="fields a list"),
    ],
)
async def test_an_odd_secret_is_malformed(
    scene: Scene, client: VaultClient, data: Any
) -> None:
    """Half an answer must not become half a secret."""
    saying(scene.vault, data)

    error = await fails(client.read(MINE, "secret", "dinie/local"))

    assert (error.reason, "secret/data/dinie/local" in error.detail) == (
        "malformed",
        True,
    )


@pytest.mark.parametrize(
    ("gone", "way"),
    [
        ("deleted", "undelete it or write a new one"),
        ("destroyed", "write a new one"),
    ],
)
async def test_a_deleted_or_destroyed_version_is_said_to_be_so(
    scene: Scene, client: VaultClient, gone: str, way: str
) -> None:
    """Undeleting helps one of them, writing anew helps both."""
    if gone == "deleted":
        scene.vault.delete_newest()
    else:
        scene.vault.destroy_newest()

    seen = await fails(client.newest_stamp(MINE, "secret", "dinie/local"))
    read = await fails(client.read(MINE, "secret", "dinie/local"))

    assert (seen.reason, read.reason) == ("not_found", "not_found")
    assert seen.detail.endswith(f"secret/data/dinie/local is {gone}: {way}")
    assert seen.detail == read.detail
