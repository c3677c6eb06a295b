"""`rotate` refuses what cannot be rotated, and options that exclude another."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.rotate import rotate

CONFIG = Path(__file__).resolve().parents[2] / "config"
VAULT = ("--set", "secrets.provider=vault")


def run(*arguments: str, environment: str = "local") -> Result:
    where = ["--config-dir", str(CONFIG)]
    return CliRunner().invoke(
        rotate,
        [*where, *arguments],
        env={"DINIE_ENV": environment, "VAULT_ADDR": "http://127.0.0.1:1"},
    )


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        pytest.param((), "secrets.provider: a rotation needs vault", id="no-vault"),
        pytest.param(
            (*VAULT, "--set", "secrets.vault.kv_version=1"),
            "secrets.vault.kv_version: a rotation needs 2",
            id="no-check-and-set",
        ),
        pytest.param(
            (*VAULT, "--set", "rotation.canary_share=2"),
            "rotation.canary_share",
            id="faulty",
        ),
    ],
)
def test_what_cannot_rotate_is_exit_2(settings: tuple[str, ...], says: str) -> None:
    """Before anything is asked."""
    result = run(*settings)

    assert (result.exit_code, says in result.output) == (2, True), result.output


@pytest.mark.parametrize(
    "options",
    [
        ("--now", "--abort"),
        ("--status", "--dry-run"),
        ("--abort", "--status"),
        ("--now", "--break-lock"),
        ("--abort", "--break-lock"),
    ],
)
def test_options_that_exclude_another_are_refused(options: tuple[str, ...]) -> None:
    """One run cannot both abort and begin."""
    result = run(*VAULT, *options)

    assert result.exit_code == 2
    assert "exclude another" in result.output


@pytest.mark.parametrize(
    "option", ["--status", "--dry-run", "--abort", "--now", "--break-lock"]
)
def test_without_vault_nothing_happens_and_the_exit_code_says_so(option: str) -> None:
    """The operator sees the failure of the CronJob."""
    result = run(*VAULT, "--set", "secrets.vault.auth.method=token", option)

    assert result.exit_code == 1
    assert "The rotation stopped: " in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("option", ["--abort", "--dry-run"])
def test_a_webhook_secret_has_no_way_back(option: str) -> None:
    """Dinie has forgotten the old one for new deliveries."""
    result = run(*VAULT, "webhook-secret", option)

    assert result.exit_code == 2
    assert "no way back" in result.output


@pytest.mark.parametrize("soak", ["0", "149"])
def test_a_soak_in_which_gateways_cannot_follow_is_exit_2(soak: str) -> None:
    """They would send a credential that is revoked."""
    result = run(*VAULT, "--set", f"rotation.soak={soak}", environment="sandbox")

    assert result.exit_code == 2
    assert "rotation.soak: gateways need 150 s to follow" in result.output
