"""One fake Vault for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.vault.fake import running_vault
from tests.vault.scene import ID, SECRET, TOKEN, Scene


@pytest.fixture
async def scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    monkeypatch.setenv("VAULT_TOKEN", "hvs.of-somebody-else")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with running_vault() as vault:
        vault.grant(TOKEN)
        vault.put(client_id=ID, client_secret=f"{SECRET}\n", webhook_secret="whsec_a")
        made = Scene(vault, tmp_path)
        yield made
        for provider in made.made:
            await provider.close()
