"""Warnings: settings that others on the network could exploit."""

import json
from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.config.warnings import warnings

CONFIG = Path(__file__).resolve().parents[2] / "config"
VAULT = ("secrets.provider=vault", "secrets.vault.auth.method=token")
CALLER = {"name": "billing", "token": "token_billing"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files in the folder from which the tests run must cause no warning."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("overrides", "keys"),
    [
        pytest.param((), [], id="defaults"),
        pytest.param(("listen.proxy=0.0.0.0:8080",), ["listen.proxy"], id="all v4"),
        pytest.param(("listen.proxy=[::]:8080",), ["listen.proxy"], id="all v6"),
        pytest.param(("listen.proxy=10.1.2.3:8080",), ["listen.proxy"], id="one"),
        pytest.param(("listen.proxy=127.0.0.9:8080",), [], id="loopback"),
        pytest.param(("listen.proxy=[::1]:8080",), [], id="loopback v6"),
        pytest.param(("listen.proxy=unix:/tmp/p",), [], id="unix socket"),
        pytest.param(("listen.proxy=off",), [], id="off"),
        pytest.param(
            ("listen.proxy=0.0.0.0:8080", f"identity.callers={json.dumps([CALLER])}"),
            [],
            id="callers with proofs",
        ),
        pytest.param(
            ("listen.proxy=0.0.0.0:8080", 'identity.callers=[{"name": "billing"}]'),
            ["listen.proxy"],
            id="callers by name only",
        ),
        pytest.param(
            (*VAULT, "secrets.vault.address=http://vault.internal:8200"),
            ["secrets.vault.address"],
            id="plain Vault",
        ),
        pytest.param(
            (*VAULT, "secrets.vault.address=http://127.0.0.1:8200"),
            [],
            id="plain Vault on this host",
        ),
        pytest.param(
            (*VAULT, "secrets.vault.address=https://vault.internal:8200"),
            [],
            id="Vault with TLS",
        ),
        pytest.param(
            ("secrets.vault.address=http://vault.internal:8200",), [], id="not in use"
        ),
    ],
)
def test_what_a_stranger_could_use_is_warned_of(
    overrides: tuple[str, ...], keys: list[str]
) -> None:
    """Both are seen in the field, and neither stops a start."""
    config = load(config_dir=CONFIG, env={}, overrides=overrides).config

    assert [warning.key for warning in warnings(config)] == keys


@pytest.mark.parametrize(
    ("there", "path", "said"),
    [
        pytest.param((), "var/gateway-local.db", None, id="fresh"),
        pytest.param(("gateway.db",), "var/gateway.db", "rename it", id="from before"),
        pytest.param(
            ("gateway.db", "gateway-local.db"),
            "var/gateway-local.db",
            "inbox recover",
            id="both",
        ),
        pytest.param(("gateway-local.db",), "var/gateway-local.db", None, id="own"),
    ],
)
def test_a_database_of_before_environments_is_not_left_behind(
    tmp_path: Path,
    there: tuple[str, ...],
    path: str,
    said: str | None,
) -> None:
    """Deliveries wait in it: an upgrade must go on with it, or say what to do."""
    (tmp_path / "var").mkdir()
    for name in there:
        (tmp_path / "var" / name).touch()

    config = load(config_dir=CONFIG, environment="local", env={}).config
    found = [one for one in warnings(config) if one.key == "storage.sqlite_path"]

    assert config.storage.sqlite_path == path
    assert [said in one.message for one in found if said] == ([True] if said else [])
    assert len(found) == (said is not None)
