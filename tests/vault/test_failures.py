"""Every failure of Vault has a reason, and says what to do."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from tests.vault.fake import DENIED, FakeVault, running_vault
from tests.vault.kv import errors
from tests.vault.scene import ID, TOKEN, Scene, failure


def _sealed(vault: FakeVault) -> None:
    vault.sealed = True


def _denied(vault: FakeVault) -> None:
    vault.hidden = {"data"}


def _revoked(vault: FakeVault) -> None:
    vault.tokens.clear()


def _deleted(vault: FakeVault) -> None:
    vault.delete_newest()


def _missing(vault: FakeVault) -> None:
    vault.versions.clear()


def _incomplete(vault: FakeVault) -> None:
    vault.put(client_id=ID)


def _answers(make: Callable[[], web.StreamResponse]) -> Callable[[FakeVault], None]:
    def prepare(vault: FakeVault) -> None:
        vault.canned = make

    return prepare


def _list_of_errors() -> web.StreamResponse:
    return web.Response(
        status=403, body=b"[]", headers={"Content-Type": "application/json"}
    )


@pytest.mark.parametrize(
    ("prepare", "reason", "says"),
    [
        (_sealed, "sealed", "unseal"),
        (_denied, "permission", "capability `read` on secret/data/dinie/local"),
        (_revoked, "permission", "secret/data/dinie/local"),
        (_deleted, "not_found", "secret/data/dinie/local is deleted"),
        (_missing, "not_found", "nothing is at secret/data/dinie/local"),
        (_incomplete, "missing_field", "client_secret"),
        (_answers(lambda: errors(503, "Vault is sealed")), "sealed", "unseal"),
        (_answers(lambda: errors(503, "maintenance")), "unreachable", "503"),
        (_answers(lambda: errors(500, "internal error")), "unreachable", "500"),
        (_answers(lambda: errors(429)), "throttled", "429"),
        (_answers(lambda: errors(412, "x")), "standby", "412"),
        (_answers(lambda: errors(404, "no handler for route")), "not_found", "kv_"),
        (_answers(lambda: web.Response(text="<html>")), "malformed", "address"),
        (_answers(lambda: web.json_response([1])), "malformed", "address"),
        (_answers(lambda: web.json_response({"data": 1})), "malformed", "address"),
        (_answers(lambda: web.json_response([], status=403)), "permission", "read"),
        (_answers(_list_of_errors), "malformed", "address"),
        (
            _answers(lambda: web.Response(status=307, headers={"Location": "/x"})),
            "unreachable",
            "redirects",
        ),
    ],
)
async def test_each_failure_has_a_reason_and_says_what_to_do(
    scene: Scene, prepare: Callable[[FakeVault], None], reason: str, says: str
) -> None:
    """The reason is a metric label, the sentence is what a human acts on."""
    prepare(scene.vault)
    error = await failure(scene.provider())
    assert (error.reason, says in error.detail) == (reason, True), error.detail
    assert DENIED not in error.detail


async def test_a_deletion_after_a_good_read_is_a_failure(scene: Scene) -> None:
    """The metadata alone shows it; the watcher then keeps what it has."""
    provider = scene.provider()
    await provider.read()
    scene.vault.delete_newest()
    assert (await failure(provider)).reason == "not_found"


async def test_a_slow_vault_is_given_up(scene: Scene) -> None:
    """Its library would wait for 30 s, and hold up every reload."""
    scene.vault.delay = 0.15
    error = await failure(scene.provider(timeout=0.05))
    assert error.reason == "timeout"


async def test_nobody_listening_is_unreachable(scene: Scene, tmp_path: Path) -> None:
    """Also with a CA file that is not there, which is another thing to mend."""
    gone = scene.provider(address="http://127.0.0.1:1")
    assert (await failure(gone)).reason == "unreachable"
    nowhere = str(tmp_path / "ca.pem")
    error = await failure(
        scene.provider(address="https://127.0.0.1:1", ca_file=nowhere)
    )
    assert (error.reason, "ca_file" in error.detail) == ("unreachable", True)


async def test_a_kv_v1_read_of_a_v2_mount_names_the_setting(scene: Scene) -> None:
    """Vault itself only says that the path is invalid."""
    error = await failure(scene.provider(kv_version=1))
    assert error.reason == "not_found"
    assert "kv_version" in error.detail


async def test_a_closed_provider_fails_as_unavailable(scene: Scene) -> None:
    """A reload during the stop must not be a traceback."""
    provider = scene.provider()
    await provider.close()
    assert (await failure(provider)).reason == "unreachable"


async def test_vaults_own_authority_is_trusted_where_it_is_given(
    tmp_path: Path,
) -> None:
    """A company's Vault is signed by the company; anybody else's is not Vault."""
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    async with running_vault(tls) as vault:
        vault.grant(TOKEN)
        vault.put(client_id=ID, client_secret="dinie_cs_test_a")
        scene = Scene(vault, tmp_path)
        trusting = scene.provider(ca_file=str(ca_file))
        doubting = scene.provider()

        found = await trusting.read()
        error = await failure(doubting)

        for provider in scene.made:
            await provider.close()
    assert found.client_id.reveal() == ID
    assert (error.reason, "VAULT_CACERT" in error.detail) == ("unreachable", True)
