"""One suite for the Vault of the tests and for a real one: they must not disagree."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.core.secret import Secret
from gateway.rotation.ports import Conflict
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault.options import VaultAuthOptions, VaultOptions
from gateway.vault.provider import VaultProvider, open_store
from tests.vault.fake import LOCKOUT, PATH, running_vault
from tests.vault.servers import ENVIRON, FakeServer, Server, real_server

FIRST = {"client_id": "dinie_ci_test_a", "client_secret": "dinie_cs_test_a"}
SECOND = {"client_id": "dinie_ci_test_b", "client_secret": "dinie_cs_test_b"}
Open = Callable[..., VaultProvider]


@pytest.fixture(params=["fake", "real"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    if request.param == "real":
        with real_server(ENVIRON) as real:
            real.put(**FIRST)
            yield real
        return
    async with running_vault() as vault:
        fake = FakeServer(vault)
        fake.put(**FIRST)
        yield fake


@pytest.fixture
async def opened(server: Server, tmp_path: Path) -> AsyncIterator[Open]:
    """Yield a maker of providers, logging in with a given secret id or as root."""
    made: list[VaultProvider] = []

    def make(
        secret_id: str | None = None, *, wrapped: bool = False, mount: str | None = None
    ) -> VaultProvider:
        auth = VaultAuthOptions()
        if secret_id is not None:
            role, secret = tmp_path / "role", tmp_path / "secret"
            role.write_text(server.role_id)
            secret.write_text(secret_id)
            auth = VaultAuthOptions(
                method="approle",
                mount=mount or server.approle,
                role_id_file=str(role),
                secret_id_file=str(secret),
                secret_id_wrapped=wrapped,
            )
        options = VaultOptions(
            address=server.address, kv_mount=server.mount, path=PATH, auth=auth
        )
        provider = VaultProvider(options, environ={"VAULT_TOKEN": server.token})
        made.append(provider)
        return provider

    yield make
    for provider in made:
        await provider.close()


async def test_a_new_version_is_seen(server: Server, opened: Open) -> None:
    """By its metadata, without reading the secret each time."""
    provider = opened(server.secret_id())
    first = await provider.read()
    same = await provider.read()
    server.put(**SECOND)

    second = await provider.read()

    assert same is first
    assert (first.client_id.reveal(), second.client_id.reveal()) == (
        FIRST["client_id"],
        SECOND["client_id"],
    )
    assert first.version != second.version


async def test_a_revoked_token_is_replaced(server: Server, opened: Open) -> None:
    """An operator's revocation must not end the gateway."""
    provider = opened(server.secret_id())
    await provider.read()
    server.revoke_logins()
    server.put(**SECOND)

    assert (await provider.read()).client_id.reveal() == SECOND["client_id"]


async def test_a_wrapped_secret_id_opens_once(server: Server, opened: Open) -> None:
    """The second writer learns that another was first."""
    wrapping = server.wrapped()
    await opened(wrapping, wrapped=True).read()

    with pytest.raises(SecretsUnavailable) as caught:
        await opened(wrapping, wrapped=True).read()

    assert (caught.value.reason, "spent" in caught.value.detail) == ("login", True)


async def test_a_wrong_secret_id_is_a_refused_login(opened: Open) -> None:
    """Older and newer versions say it in different words."""
    with pytest.raises(SecretsUnavailable) as caught:
        await opened("00000000-0000-0000-0000-000000000000").read()

    assert (caught.value.reason, "secret_id_file" in caught.value.detail) == (
        "login",
        True,
    )


async def test_a_deleted_version_is_not_found(server: Server, opened: Open) -> None:
    """It can still be undeleted, which the words say."""
    server.delete()

    with pytest.raises(SecretsUnavailable) as caught:
        await opened().read()

    assert (caught.value.reason, "deleted" in caught.value.detail) == (
        "not_found",
        True,
    )


async def test_a_destroyed_version_is_not_found(server: Server, opened: Open) -> None:
    """Nothing brings it back, which the words say."""
    server.destroy()

    with pytest.raises(SecretsUnavailable) as caught:
        await opened().read()

    assert (caught.value.reason, "destroyed" in caught.value.detail) == (
        "not_found",
        True,
    )


async def test_a_destroyed_state_can_be_written_over(server: Server) -> None:
    """The rotation stood still for ever: it asked for version 0."""
    options = VaultOptions(address=server.address, kv_mount=server.mount, path=PATH)
    store = open_store(options, {"VAULT_TOKEN": server.token})
    await store.write_state({"id": Secret("1")}, since=0)
    server.destroy("-rotation")

    held = await store.state()
    await store.write_state({"id": Secret("2")}, since=held.version)

    assert (held.version, held.gone) == (1, "destroyed")
    assert (await store.state())["id"] == Secret("2")
    store.close()


async def test_an_unknown_mount_is_a_refused_login_that_names_it(opened: Open) -> None:
    """Newer versions answer 403 to it, as to a wrong secret id."""
    wrong = opened("00000000-0000-0000-0000-000000000000", mount="nowhere")

    with pytest.raises(SecretsUnavailable) as caught:
        await wrong.read()

    assert (caught.value.reason, "secrets.vault.auth.mount" in caught.value.detail) == (
        "login",
        True,
    )


async def test_a_role_is_locked_out_after_refused_logins(
    server: Server, opened: Open
) -> None:
    """A right secret id is refused then, and the words must lead there."""
    for _ in range(LOCKOUT):
        with pytest.raises(SecretsUnavailable):
            await opened("00000000-0000-0000-0000-000000000000").read()

    with pytest.raises(SecretsUnavailable) as caught:
        await opened(server.secret_id()).read()

    assert (caught.value.reason, "locked out" in caught.value.detail) == ("login", True)


async def test_a_rotation_writes_by_check_and_set(server: Server) -> None:
    """Two jobs at once: one goes on, the other gets an error."""
    options = VaultOptions(address=server.address, kv_mount=server.mount, path=PATH)
    first, second = (open_store(options, {"VAULT_TOKEN": server.token}) for _ in "ab")
    assert await first.state() == await second.state() == {}
    await first.write_state({"id": Secret("1")}, since=0)
    held = await second.secret()

    with pytest.raises(Conflict):
        await second.write_state({"id": Secret("2")}, since=0)
    await first.change({"next_client_id": Secret("n")}, since=await first.secret())
    with pytest.raises(Conflict):
        await second.change({}, since=held)

    assert await second.state() == {"id": Secret("1")}
    assert (await second.secret())["next_client_id"] == Secret("n")
    first.close()
    second.close()
