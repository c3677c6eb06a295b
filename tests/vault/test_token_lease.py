"""TokenLease: the right token is used, renewed, and replaced only when needed."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.core.secret import Secret
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault.auth_methods import AppRoleLogin, TokenLogin
from gateway.vault.client import VaultClient
from gateway.vault.options import VaultAuthOptions
from gateway.vault.token_lease import TokenLease
from tests.vault.scene import LOGIN, RENEW, TOKEN, Scene

LOOK_UP = "GET auth/token/lookup-self"
Made = Callable[..., TokenLease]


@pytest.fixture
async def client(scene: Scene) -> AsyncIterator[VaultClient]:
    made = VaultClient(scene.vault.address, namespace=None, ca_file=None, timeout=2.0)
    yield made
    made.close()


@pytest.fixture
def approle(scene: Scene, client: VaultClient) -> TokenLease:
    """Return tokens by AppRole, renewed at exactly two thirds."""
    login = AppRoleLogin(scene.approle(), client)
    return TokenLease(login, client, now=scene.clock.now, random=lambda: 0.5)


@pytest.fixture
def given(scene: Scene, client: VaultClient) -> Made:
    """Return a maker of tokens that another process provides."""

    def make(token_file: Path | None = None, variable: str = TOKEN) -> TokenLease:
        name = None if token_file is None else str(token_file)
        login = TokenLogin(
            VaultAuthOptions(token_file=name), client, {"VAULT_TOKEN": variable}
        )
        return TokenLease(login, client, now=scene.clock.now, random=lambda: 0.5)

    return make


async def fails(tokens: TokenLease) -> SecretsUnavailable:
    """Return what asking for a token fails with."""
    with pytest.raises(SecretsUnavailable) as caught:
        await tokens.get()
    return caught.value


async def test_one_login_serves_until_the_renewal(
    scene: Scene, approle: TokenLease
) -> None:
    """A login for each read would spend the secret id within hours."""
    first = await approle.get()
    scene.clock.advance(2399)
    second = await approle.get()

    assert first == second == Secret("hvs.login-1")
    assert scene.vault.calls == [LOGIN]
    assert approle.due_in == pytest.approx(1)


async def test_a_renewal_that_extends_begins_a_new_lease(
    scene: Scene, approle: TokenLease
) -> None:
    """The token stays; only its end moves."""
    first = await approle.get()
    scene.clock.advance(2401)

    second = await approle.get()

    assert first == second
    assert scene.vault.calls == [LOGIN, RENEW]
    assert approle.due_in == pytest.approx(2400)


async def test_a_vault_that_is_away_is_asked_to_renew_ever_less_often(
    scene: Scene, approle: TokenLease
) -> None:
    """The token is still good: nothing fails, and Vault is not stormed."""
    first = await approle.get()
    scene.clock.advance(2401)
    scene.vault.sealed = True
    waits = []

    for _ in range(3):
        assert await approle.get() == first
        waits.append(approle.due_in)
        scene.clock.advance(approle.due_in)

    assert waits == pytest.approx([5, 10, 20])
    assert scene.count(RENEW) == 3


async def test_a_renewal_works_again_after_failures(
    scene: Scene, approle: TokenLease
) -> None:
    """A short outage leaves no trace."""
    await approle.get()
    scene.clock.advance(2401)
    scene.vault.sealed = True
    await approle.get()
    scene.vault.sealed = False
    scene.clock.advance(10)

    await approle.get()

    assert approle.due_in == pytest.approx(2400)
    assert scene.count(LOGIN) == 1


async def test_a_token_that_was_not_renewed_in_time_is_replaced(
    scene: Scene, approle: TokenLease
) -> None:
    """Before its end, so that no read meets a dead one."""
    await approle.get()
    scene.clock.advance(3600 * 0.85)
    scene.vault.hidden = {"renew-self"}

    assert await approle.get() == Secret("hvs.login-2")


async def test_a_token_that_worked_is_replaced_at_once(
    scene: Scene, approle: TokenLease
) -> None:
    """It was revoked: the next one will work."""
    await approle.get()
    approle.worked()

    assert await approle.replace() == Secret("hvs.login-2")
    assert scene.count(LOGIN) == 2


async def test_a_token_that_never_worked_is_replaced_rarely(
    scene: Scene, approle: TokenLease
) -> None:
    """Its policy is wrong: more logins only use up the secret id."""
    await approle.get()

    scene.clock.advance(299)
    early = await approle.replace()
    scene.clock.advance(1)
    late = await approle.replace()

    assert (early, late) == (None, Secret("hvs.login-2"))


@pytest.mark.parametrize(
    ("role_id", "secret_id"),
    [
        pytest.param("role-1", "wrong", id="wrong secret id"),
        pytest.param("wrong", "secret-id-1", id="wrong role id"),
    ],
)
async def test_a_wrong_id_is_a_login_failure_that_names_the_files(
    scene: Scene, approle: TokenLease, role_id: str, secret_id: str
) -> None:
    """Newer versions of Vault do not say which of the two is wrong."""
    (scene.folder / "role_id").write_text(role_id)
    (scene.folder / "secret_id").write_text(secret_id)

    error = await fails(approle)

    assert error.reason == "login"
    assert "role_id_file and secret_id_file" in error.detail
    assert "wrong" not in error.detail


@pytest.mark.parametrize("name", ["role_id", "secret_id"])
async def test_a_missing_file_is_named_with_its_setting(
    scene: Scene, approle: TokenLease, name: str
) -> None:
    """Vault is not asked with half a login."""
    (scene.folder / name).unlink()

    error = await fails(approle)

    assert error.reason == "login"
    assert f"(secrets.vault.auth.{name}_file) is missing" in error.detail
    assert scene.vault.calls == []


async def test_a_token_file_wins_over_the_variable(
    scene: Scene, given: Made, tmp_path: Path
) -> None:
    """The setting was made for this gateway, the variable may be of a shell."""
    file = tmp_path / "token"
    file.write_text("hvs.of-the-file\n")
    scene.vault.grant("hvs.of-the-file")

    assert await given(file).get() == Secret("hvs.of-the-file")


async def test_a_new_token_in_the_file_is_looked_up_anew(
    scene: Scene, given: Made, tmp_path: Path
) -> None:
    """Its life is another one than that of the token before."""
    file = tmp_path / "token"
    scene.vault.grant("hvs.one", ttl=900)
    scene.vault.grant("hvs.two", ttl=90)
    file.write_text("hvs.one")
    tokens = given(file)
    await tokens.get()

    file.write_text("hvs.two")
    second = await tokens.get()

    assert second == Secret("hvs.two")
    assert tokens.due_in == pytest.approx(60)
    assert scene.count(LOOK_UP) == 2


async def test_a_given_token_is_never_replaced(scene: Scene, given: Made) -> None:
    """Only who gave it can give another; asking Vault again teaches nothing."""
    tokens = given()
    await tokens.get()

    assert await tokens.replace() is None
    assert scene.vault.calls == [LOOK_UP]


async def test_an_unreachable_vault_is_said_while_looking_a_token_up(
    scene: Scene, given: Made
) -> None:
    """Taking the token unseen would only move the failure to the read."""
    scene.vault.sealed = True

    assert (await fails(given())).reason == "sealed"


async def test_a_blank_variable_is_no_token(scene: Scene, given: Made) -> None:
    """An empty template must not become a request without a token."""
    error = await fails(given(variable=" \n"))

    assert error.reason == "login"
    assert "VAULT_TOKEN" in error.detail
    assert scene.vault.calls == []


async def test_a_given_token_whose_renewal_is_denied_is_tried_again(
    scene: Scene, given: Made
) -> None:
    """A policy that was wrong for a minute must not cost the token."""
    scene.vault.tokens[TOKEN]["ttl"] = 900
    tokens = given()
    await tokens.get()
    scene.vault.hidden = {"renew-self"}
    scene.clock.advance(601)
    await tokens.get()
    denied = tokens.expires_in
    scene.vault.hidden = set()
    scene.clock.advance(11)

    await tokens.get()

    assert denied == pytest.approx(299)
    assert scene.count(RENEW) == 2
    assert tokens.expires_in is None


async def test_a_given_token_that_was_not_shown_its_life_is_asked_about_again(
    scene: Scene, given: Made
) -> None:
    """Otherwise it would never be renewed, and die unseen."""
    scene.vault.tokens[TOKEN]["ttl"] = 900
    scene.vault.hidden = {"lookup-self"}
    tokens = given()
    await tokens.get()
    await tokens.get()
    asked = scene.count(LOOK_UP)
    scene.vault.hidden = set()
    scene.clock.advance(301)

    await tokens.get()

    assert (asked, scene.count(LOOK_UP)) == (1, 2)
    assert tokens.due_in == pytest.approx(600)


async def test_the_end_of_a_given_token_is_known_where_nothing_prolongs_it(
    scene: Scene, given: Made, approle: TokenLease
) -> None:
    """An operator must bring another one; a login makes its own."""
    scene.vault.tokens[TOKEN] |= {"ttl": 900, "renewable": False}
    tokens = given()
    before = tokens.expires_in
    await tokens.get()
    await approle.get()
    scene.clock.advance(100)

    assert before is None
    assert tokens.expires_in == pytest.approx(800)
    assert approle.expires_in is None
