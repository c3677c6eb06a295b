"""Refused logins: not repeated until they help, and no reason to lose a good token."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.core.secret import Secret
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault.auth_methods import AppRoleLogin, TokenLogin
from gateway.vault.client import VaultClient
from gateway.vault.options import VaultAuthOptions
from gateway.vault.token_lease import TokenLease
from tests.vault.fake import LOCKOUT
from tests.vault.scene import LOGIN, RENEW, Scene

FIRST = Secret("hvs.login-1")


@pytest.fixture
async def client(scene: Scene) -> AsyncIterator[VaultClient]:
    made = VaultClient(scene.vault.address, namespace=None, ca_file=None, timeout=2.0)
    yield made
    made.close()


@pytest.fixture
def tokens(scene: Scene, client: VaultClient) -> TokenLease:
    login = AppRoleLogin(scene.approle(), client)
    return TokenLease(login, client, now=scene.clock.now, random=lambda: 0.0)


async def refused(tokens: TokenLease) -> SecretsUnavailable:
    with pytest.raises(SecretsUnavailable) as caught:
        await tokens.get()
    return caught.value


async def looked(scene: Scene, tokens: TokenLease, seconds: float) -> None:
    """Ask for a token as the watcher does, until `seconds` have passed."""
    until = scene.clock.now() + seconds
    while scene.clock.now() < until:
        with suppress(SecretsUnavailable):
            await tokens.get()
        scene.clock.advance(max(0.1, min(1.0, tokens.due_in)))


async def test_a_refused_login_is_not_repeated_each_second(
    scene: Scene, tokens: TokenLease
) -> None:
    """Vault locks the role after five, for every gateway that has it."""
    scene.vault.role = ("role-1", "destroyed")

    await looked(scene, tokens, 52)

    assert scene.count(LOGIN) == 3  # at 0, 10 and 30 s
    assert scene.vault.refused_logins < LOCKOUT


async def test_a_new_secret_id_in_the_file_is_tried_at_once(
    scene: Scene, tokens: TokenLease
) -> None:
    """The operator who has just mended it is watching."""
    scene.vault.role = ("role-1", "secret-id-2")
    await looked(scene, tokens, 40)
    before = scene.count(LOGIN)
    (scene.folder / "secret_id").write_text("secret-id-2")

    token = await tokens.get()

    assert (token, scene.count(LOGIN)) == (FIRST, before + 1)


async def test_while_a_login_is_refused_its_file_is_looked_at_every_5_s(
    scene: Scene, tokens: TokenLease
) -> None:
    """A new secret id must not wait for the end of the backoff."""
    scene.vault.role = ("role-1", "destroyed")
    for _ in range(4):
        await refused(tokens)
        scene.clock.advance(100)
    await refused(tokens)

    assert tokens.due_in == 5.0


async def test_a_possible_lockout_is_named(scene: Scene, tokens: TokenLease) -> None:
    """A right secret id is refused, too, and no operator would look there."""
    scene.vault.refused_logins = LOCKOUT

    error = await refused(tokens)

    assert "locked out" in error.detail
    assert "secrets.vault.auth.mount" in error.detail


async def test_a_refused_login_fails_no_read_that_the_held_token_can_make(
    scene: Scene, tokens: TokenLease
) -> None:
    """From 85 % of the lease a login is due, and the token is good to its end."""
    await tokens.get()
    scene.vault.role = ("role-1", "destroyed")
    scene.vault.hidden = {"renew-self"}
    scene.clock.advance(3600 * 0.85)

    held = await tokens.get()
    said, due = tokens.warning, tokens.due_in
    scene.clock.advance(539)
    still = await tokens.get()
    scene.clock.advance(2)
    error = await refused(tokens)

    assert (held, still, due) == (FIRST, FIRST, 5.0)
    assert said == error.detail
    assert scene.count(LOGIN) == 3  # the first, and two that were refused


async def test_a_login_that_works_again_leaves_no_trouble(
    scene: Scene, tokens: TokenLease
) -> None:
    """What is over must not stand in /readyz."""
    await tokens.get()
    scene.vault.role = ("role-1", "secret-id-2")
    scene.vault.hidden = {"renew-self"}
    scene.clock.advance(3600 * 0.85)
    await tokens.get()
    (scene.folder / "secret_id").write_text("secret-id-2")

    assert await tokens.get() == Secret("hvs.login-2")
    assert tokens.warning is None


async def test_a_vault_that_is_away_at_85_percent_is_not_asked_each_second(
    scene: Scene, tokens: TokenLease
) -> None:
    """The token is good, and the login can wait until Vault is back."""
    await tokens.get()
    scene.clock.advance(3600 * 0.85)
    scene.vault.sealed = True
    await tokens.get()
    asked = len(scene.vault.calls)

    await tokens.get()

    assert (len(scene.vault.calls), tokens.warning is None) == (asked, False)


async def test_a_token_that_was_refused_is_held_while_its_login_is_refused(
    scene: Scene, tokens: TokenLease
) -> None:
    """A policy that was wrong for a minute must not cost the token for good."""
    await tokens.get()
    tokens.worked()
    scene.vault.role = ("role-1", "destroyed")
    with pytest.raises(SecretsUnavailable, match="secret_id_file"):
        await tokens.replace()

    assert await tokens.get() == FIRST
    assert scene.count(LOGIN) == 2


async def test_a_token_file_that_is_gone_fails_no_read_of_its_token(
    scene: Scene, client: VaultClient, tmp_path: Path
) -> None:
    """An agent may write it anew, and not at one stroke."""
    file = tmp_path / "token"
    file.write_text("hvs.of-the-file")
    scene.vault.grant("hvs.of-the-file", ttl=900)
    options = VaultAuthOptions(token_file=str(file))
    tokens = TokenLease(
        TokenLogin(options, client, {}),
        client,
        now=scene.clock.now,
        random=lambda: 0.0,
    )
    await tokens.get()
    file.write_text("")

    held = await tokens.get()

    assert held == Secret("hvs.of-the-file")
    assert tokens.warning is not None
    assert "token_file" in tokens.warning


@pytest.mark.parametrize("ttl", [1, 2, 5])
@pytest.mark.parametrize("refresh", [1.0, 60.0])
async def test_a_short_lease_is_renewed_and_uses_up_no_secret_id(
    scene: Scene, ttl: int, refresh: float
) -> None:
    """Looks a second apart missed the third of a second in which it was due."""
    scene.vault.ttl = ttl
    provider = scene.provider(auth=scene.approle())

    for _ in range(30):
        await provider.read()
        scene.clock.advance(min(refresh, provider.max_interval))

    assert scene.count(LOGIN) == 1
    assert scene.count(RENEW) >= 6


async def test_a_look_that_comes_late_renews_all_the_same(
    scene: Scene, tokens: TokenLease
) -> None:
    """The loop was busy, or the process stopped: the token still lives."""
    scene.vault.ttl = 2
    await tokens.get()
    scene.clock.advance(1.9)

    assert await tokens.get() == FIRST
    assert (scene.count(LOGIN), scene.count(RENEW)) == (1, 1)


async def test_a_failed_look_at_another_token_ends_with_that_token(
    scene: Scene,
) -> None:
    """A token without an end needs nothing, and Vault was read ten times a second."""
    file = scene.folder / "token"
    for name in ("hvs.one", "hvs.other"):
        scene.vault.grant(name)
    scene.vault.put(client_id="id", client_secret="secret")
    file.write_text("hvs.one")
    provider = scene.provider(
        auth=VaultAuthOptions(method="token", token_file=str(file))
    )
    await provider.read()

    file.write_text("hvs.other")
    scene.vault.sealed = True
    with pytest.raises(SecretsUnavailable):
        await provider.read()
    file.write_text("hvs.one")
    scene.vault.sealed = False
    scene.clock.advance(60)
    await provider.read()

    assert provider.max_interval == float("inf")
