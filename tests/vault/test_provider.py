"""VaultProvider: reads what Vault holds, with a token that stays alive."""

import pytest

from gateway.vault.options import VaultAuthOptions
from tests.vault.scene import (
    DATA,
    ID,
    LOGIN,
    METADATA,
    RENEW,
    SECRET,
    TOKEN,
    Scene,
    failure,
)


async def test_a_versioned_secret_is_read(scene: Scene) -> None:
    """The usual case; what editors leave at the end of a value is no secret."""
    found = await scene.provider().read()
    assert found.client_id.reveal() == ID
    assert found.client_secret.reveal() == SECRET
    assert found.fields["webhook_secret"].reveal() == "whsec_a"
    assert SECRET not in repr(found)
    assert SECRET not in found.version


async def test_only_the_given_token_and_namespace_are_sent(scene: Scene) -> None:
    """Another user's VAULT_TOKEN would read with the wrong rights."""
    await scene.provider(namespace="team-a").read()
    assert {h["X-Vault-Token"] for h in scene.vault.headers} == {TOKEN}
    assert {h["X-Vault-Namespace"] for h in scene.vault.headers} == {"team-a"}


async def test_a_login_carries_no_token(scene: Scene) -> None:
    """A stale token on a login is refused by some versions of Vault."""
    await scene.provider(auth=scene.approle()).read()
    assert "X-Vault-Token" not in scene.vault.headers[0]


async def test_an_unversioned_secret_is_read(scene: Scene) -> None:
    """Old mounts are still KV v1."""
    scene.vault.flat = {"client_id": ID, "client_secret": SECRET}
    provider = scene.provider(kv_mount="kv1", kv_version=1)
    first = await provider.read()
    assert first.version == (await provider.read()).version
    scene.vault.flat["client_secret"] = "dinie_cs_test_b"
    assert first.version != (await provider.read()).version


async def test_data_is_read_only_when_the_version_changes(scene: Scene) -> None:
    """A look each minute should not put the secret on the wire each minute."""
    provider = scene.provider()
    first = await provider.read()
    assert await provider.read() is first
    assert scene.count(DATA) == 1
    scene.vault.put(client_id=ID, client_secret="dinie_cs_test_b")
    second = await provider.read()
    assert second.client_secret.reveal() == "dinie_cs_test_b"
    assert second.version != first.version


async def test_a_secret_that_was_made_anew_is_seen(scene: Scene) -> None:
    """Deleting the metadata starts the numbers again: 1 is not always the same 1."""
    provider = scene.provider()
    first = await provider.read()
    scene.vault.versions.clear()
    scene.vault.put(client_id=ID, client_secret="dinie_cs_test_b")
    scene.vault.versions[0]["metadata"]["created_time"] = "2026-12-01T00:00:00.5Z"
    second = await provider.read()
    assert second.client_secret.reveal() == "dinie_cs_test_b"
    assert second.version != first.version


async def test_a_policy_that_grants_only_the_data_is_enough(scene: Scene) -> None:
    """Least privilege: `read` on one path. Metadata is asked for once a login."""
    scene.vault.hidden = {"metadata"}
    provider = scene.provider()
    await provider.read()
    await provider.read()
    scene.vault.put(client_id=ID, client_secret="dinie_cs_test_b")
    assert (await provider.read()).client_secret.reveal() == "dinie_cs_test_b"
    assert scene.count(METADATA) == 1


async def test_values_that_are_no_text_are_left_alone(scene: Scene) -> None:
    """Tools keep notes beside the secret; they must not make it unreadable."""
    scene.vault.put(client_id=ID, client_secret=SECRET, rotated_at=17, owner={"a": 1})
    found = await scene.provider().read()
    assert set(found.fields) == {"client_id", "client_secret"}


async def test_a_token_file_is_read_each_time(scene: Scene) -> None:
    """A Vault Agent replaces the token in its file without telling anybody."""
    file = scene.folder / "token"
    file.write_text("hvs.one\n")
    scene.vault.grant("hvs.one")
    scene.vault.grant("hvs.two")
    provider = scene.provider(auth=VaultAuthOptions(token_file=str(file)), environ={})
    await provider.read()
    file.write_text("hvs.two\n")
    await provider.read()
    assert scene.vault.headers[-1]["X-Vault-Token"] == "hvs.two"


async def test_a_token_that_may_not_look_itself_up_still_reads(scene: Scene) -> None:
    """Without the default policy the lease is unknown; the secret is readable."""
    scene.vault.hidden = {"lookup-self"}
    provider = scene.provider()
    await provider.read()
    assert provider.max_interval == 300  # then it is asked again


async def test_a_given_token_is_renewed_at_two_thirds(scene: Scene) -> None:
    """A periodic token that is not renewed expires in the night."""
    scene.vault.tokens[TOKEN]["ttl"] = 900
    scene.vault.ttl = 900
    provider = scene.provider()
    await provider.read()
    assert provider.max_interval == pytest.approx(600)
    scene.clock.advance(590)
    await provider.read()
    assert scene.count(RENEW) == 0
    scene.clock.advance(11)
    await provider.read()
    assert scene.count(RENEW) == 1
    assert provider.max_interval == pytest.approx(600)


async def test_a_given_token_near_its_end_is_no_busy_loop(scene: Scene) -> None:
    """Nothing can be done about it: asking each second would not help."""
    scene.vault.tokens[TOKEN] = {"ttl": 100, "renewable": False}
    provider = scene.provider()
    await provider.read()
    scene.clock.advance(95)
    await provider.read()
    assert provider.max_interval == float("inf")
    assert scene.count(RENEW) == 0


async def test_approle_renews_then_logs_in_when_renewing_ends(scene: Scene) -> None:
    """At the maximum TTL Vault grants less and less; then only a login helps."""
    provider = scene.provider(auth=scene.approle())
    await provider.read()
    scene.clock.advance(2500)
    scene.vault.renewed_ttl = 600
    await provider.read()
    assert (scene.count(LOGIN), scene.count(RENEW)) == (1, 1)
    scene.clock.advance(520)
    await provider.read()
    assert (scene.count(LOGIN), scene.count(RENEW)) == (2, 1)


async def test_a_failed_renewal_leaves_the_token_in_use(scene: Scene) -> None:
    """A hiccup at two thirds must not take away a token that is still good."""
    provider = scene.provider(auth=scene.approle())
    first = await provider.read()
    scene.clock.advance(2500)
    scene.vault.hidden = {"renew-self"}
    assert await provider.read() is first
    assert scene.count(LOGIN) == 1


async def test_a_revoked_token_is_replaced_at_once(scene: Scene) -> None:
    """An operator revokes all tokens: the gateway recovers without a restart."""
    provider = scene.provider(auth=scene.approle())
    first = await provider.read()
    scene.vault.tokens.clear()
    assert await provider.read() is first
    assert scene.count(LOGIN) == 2


async def test_a_policy_that_is_wrong_does_not_use_up_the_secret_id(
    scene: Scene,
) -> None:
    """Each login may spend one use of the secret id: not one for each retry."""
    scene.vault.hidden = {"data"}
    provider = scene.provider(auth=scene.approle())
    for _ in range(5):
        assert (await failure(provider)).reason == "permission"
        scene.clock.advance(30)
    assert scene.count(LOGIN) == 1
    scene.clock.advance(300)
    assert (await failure(provider)).reason == "permission"
    assert scene.count(LOGIN) == 2


async def test_the_secret_id_is_read_at_each_login(scene: Scene) -> None:
    """It rotates on disk; one kept in memory stops working after hours."""
    auth = scene.approle()
    provider = scene.provider(auth=auth)
    await provider.read()
    scene.vault.tokens.clear()
    scene.vault.role = ("role-1", "secret-id-2")
    (scene.folder / "secret_id").write_text("secret-id-2")
    await provider.read()
    assert scene.count(LOGIN) == 2


async def test_a_spent_secret_id_says_where_to_look(scene: Scene) -> None:
    """The one who is woken should not have to read our source."""
    scene.vault.secret_id_uses = 0
    error = await failure(scene.provider(auth=scene.approle()))
    assert error.reason == "login"
    assert "secret_id_file" in error.detail
    assert "secret-id-1" not in error.detail


async def test_no_token_is_no_request(scene: Scene) -> None:
    """Asking without one teaches nothing."""
    error = await failure(scene.provider(environ={}))
    assert error.reason == "login"
    assert "VAULT_TOKEN" in error.detail
    assert scene.vault.calls == []


@pytest.mark.parametrize("content", [None, "", "\n", b"\xff\xfe"])
async def test_an_unusable_token_file_is_named(
    scene: Scene, content: str | bytes | None
) -> None:
    """An empty mount is the commonest mistake."""
    file = scene.folder / "token"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        file.write_text(content)
    auth = VaultAuthOptions(token_file=str(file))
    error = await failure(scene.provider(auth=auth))
    assert error.reason == "login"
    assert str(file) in error.detail
