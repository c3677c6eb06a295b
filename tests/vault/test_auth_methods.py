"""Each login presents what its files hold now, and says why where it cannot."""

from contextlib import suppress
from pathlib import Path

import pytest

from gateway.secrets.ports import SecretsUnavailable
from gateway.vault.options import VaultAuthOptions
from tests.vault.kv import errors
from tests.vault.scene import LOGIN, Scene, failure

WRAPPED = "hvs.wrapping"
UNWRAP = "POST sys/wrapping/unwrap"


def signed(scene: Scene, method: str, mount: str | None = None) -> VaultAuthOptions:
    """Return a login by a signed token that the fake takes."""
    file = scene.folder / "jwt"
    file.write_text("head.body.first\n")
    scene.vault.jwts[(mount or method, "gw")] = "head.body.first"
    return VaultAuthOptions(
        method=method,  # type: ignore[arg-type]
        mount=mount,
        role="gw",
        jwt_file=str(file),
    )


def replace(file: str | None, text: str) -> None:
    Path(str(file)).write_text(text)


def wrapped(scene: Scene) -> VaultAuthOptions:
    """Return a login by AppRole whose secret id is wrapped."""
    plain = scene.approle()
    scene.vault.wrapped[WRAPPED] = scene.vault.role[1]
    Path(str(plain.secret_id_file)).write_text(WRAPPED)
    return VaultAuthOptions(
        method="approle",
        role_id_file=plain.role_id_file,
        secret_id_file=plain.secret_id_file,
        secret_id_wrapped=True,
    )


@pytest.mark.parametrize("mount", [None, "cluster-1/k8s"])
@pytest.mark.parametrize("method", ["kubernetes", "jwt"])
async def test_a_signed_token_leads_in(
    scene: Scene, method: str, mount: str | None
) -> None:
    """A pod needs no secret of its own to come by its secrets."""
    provider = scene.provider(auth=signed(scene, method, mount))

    found = await provider.read()

    assert found.version.startswith("1.")
    assert scene.vault.calls[0] == f"POST auth/{mount or method}/login"


async def test_a_token_that_was_replaced_on_disk_is_used(scene: Scene) -> None:
    """Kubernetes replaces it every hour; the one in memory would be refused then."""
    auth = signed(scene, "kubernetes")
    provider = scene.provider(auth=auth)
    await provider.read()
    replace(auth.jwt_file, "head.body.second")
    scene.vault.jwts[("kubernetes", "gw")] = "head.body.second"
    scene.vault.tokens.pop("hvs.login-1")

    await provider.read()

    assert scene.count("POST auth/kubernetes/login") == 2


@pytest.mark.parametrize(
    ("role", "token", "reason"),
    [
        pytest.param("other", "head.body.first", "login", id="no-such-role"),
        pytest.param("gw", "head.body.forged", "unreachable", id="bad-signature"),
    ],
)
async def test_a_refused_service_account_says_where_to_look(
    scene: Scene, role: str, token: str, reason: str
) -> None:
    """Vault says 500 to a bad signature, which is no outage."""
    auth = signed(scene, "kubernetes")
    replace(auth.jwt_file, token)
    changed = VaultAuthOptions(method="kubernetes", role=role, jwt_file=auth.jwt_file)

    error = await failure(scene.provider(auth=changed))

    assert (error.reason, "secrets.vault.auth.role" in error.detail) == (reason, True)
    assert token not in error.detail
    assert scene.count("POST auth/kubernetes/login") == 1


async def test_the_service_account_of_the_pod_is_where_kubernetes_puts_it(
    scene: Scene,
) -> None:
    """Nothing but the role has to be set in a cluster."""
    auth = VaultAuthOptions(method="kubernetes", role="gw")

    error = await failure(scene.provider(auth=auth))

    assert "/var/run/secrets/kubernetes.io/serviceaccount/token" in error.detail


async def test_a_wrapped_secret_id_is_opened_once(scene: Scene) -> None:
    """The wrapping token is spent; later logins use what it held."""
    provider = scene.provider(auth=wrapped(scene))
    await provider.read()
    scene.vault.tokens.pop("hvs.login-1")

    await provider.read()

    assert (scene.count(UNWRAP), scene.count(LOGIN)) == (1, 2)


async def test_a_new_wrapping_token_is_opened(scene: Scene) -> None:
    """A new one is delivered to be used."""
    auth = wrapped(scene)
    provider = scene.provider(auth=auth)
    await provider.read()
    scene.vault.role = ("role-1", "secret-id-2")
    scene.vault.wrapped["hvs.next"] = "secret-id-2"
    replace(auth.secret_id_file, "hvs.next")
    scene.vault.tokens.pop("hvs.login-1")

    await provider.read()

    assert scene.count(UNWRAP) == 2


async def test_a_spent_wrapping_token_is_said_loudly(scene: Scene) -> None:
    """Another party may have opened it."""
    auth = wrapped(scene)
    scene.vault.wrapped.clear()

    error = await failure(scene.provider(auth=auth))

    assert (error.reason, "find out who has" in error.detail) == ("login", True)
    assert WRAPPED not in error.detail
    assert scene.count(UNWRAP) == 1


async def test_a_namespace_goes_along_with_every_call(scene: Scene) -> None:
    """Without it the mount is not there."""
    scene.vault.namespace = "team-a"

    await scene.provider(namespace="team-a", auth=signed(scene, "jwt")).read()
    error = await failure(scene.provider(auth=signed(scene, "jwt")))

    assert error.reason == "login"


@pytest.mark.parametrize("status", [412, 429, 500, 502, 503])
async def test_a_read_that_vault_could_not_serve_is_repeated(
    scene: Scene, status: int
) -> None:
    """A node that lags, an election, a quota: all over within a second."""
    scene.vault.troubles = [errors(status, "soon"), errors(status, "soon")]

    found = await scene.provider().read()

    assert found.version.startswith("1.")
    assert scene.clock.slept


@pytest.mark.parametrize(("status", "logins"), [(412, 2), (429, 2), (500, 1)])
async def test_a_login_is_repeated_only_if_it_was_not_judged(
    scene: Scene, status: int, logins: int
) -> None:
    """A secret id may be good for one use."""
    scene.vault.troubles = [errors(status, "soon")]
    provider = scene.provider(auth=scene.approle())

    with suppress(SecretsUnavailable):
        await provider.read()

    assert scene.count(LOGIN) == logins
