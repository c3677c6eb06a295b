"""The secrets provider is the one that the configuration names."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.config.providers import build_provider

CONFIG = Path(__file__).resolve().parents[2] / "config"


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        pytest.param([], "env", id="variables on a laptop"),
        pytest.param(
            ["secrets.provider=file", "secrets.file.directory=nowhere"],
            "file",
            id="files",
        ),
        pytest.param(
            ["secrets.provider=vault", "secrets.vault.address=http://127.0.0.1:1"],
            "vault",
            id="Vault",
        ),
    ],
)
async def test_the_provider_is_built_without_reading_anything(
    overrides: Sequence[str], name: str
) -> None:
    """A dependency that is away must not stop the start."""
    config = load(config_dir=CONFIG, env={}, overrides=overrides).config

    provider = build_provider(config.secrets, {})

    assert provider.name == name
    await provider.close()


async def test_the_variables_are_those_that_are_given() -> None:
    """A test, or a second gateway, must not pick up the process's own secrets."""
    config = load(config_dir=CONFIG, env={}).config
    environ = {"DINIE_CLIENT_ID": "id", "DINIE_CLIENT_SECRET": "hush"}

    found = await build_provider(config.secrets, environ).read()

    assert found.client_secret.reveal() == "hush"


def test_only_who_uses_vault_loads_its_library() -> None:
    """It takes a while to import: `check --offline` should start at once."""
    code = (
        "import sys\n"
        "from gateway.config.load import load\n"
        "from gateway.config.providers import build_provider\n"
        "build_provider(load(config_dir=sys.argv[1], env={}).config.secrets, {})\n"
        "sys.exit('hvac' in sys.modules)"
    )

    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code, str(CONFIG)],
        cwd=CONFIG.parent,
        check=False,
        timeout=30,
    )

    assert done.returncode == 0
