"""A fake Vault, and providers that ask it."""

from pathlib import Path
from typing import Any

import pytest

from gateway.secrets.ports import SecretsUnavailable
from gateway.vault.options import VaultAuthOptions, VaultOptions
from gateway.vault.provider import VaultProvider
from tests.fakes import FakeClock
from tests.vault.fake import FakeVault

TOKEN = "hvs.given"
ID, SECRET = "dinie_ci_test_a", "dinie_cs_test_a"


class Scene:
    """A fake Vault, and providers that are closed at the end."""

    def __init__(self, vault: FakeVault, folder: Path) -> None:
        self.vault = vault
        self.folder = folder
        self.clock = FakeClock()
        self.made: list[VaultProvider] = []

    def provider(
        self,
        *,
        auth: VaultAuthOptions | None = None,
        timeout: float = 2.0,
        environ: dict[str, str] | None = None,
        **options: Any,
    ) -> VaultProvider:
        """Return a provider; by default with a token from VAULT_TOKEN."""
        settings = {"address": self.vault.address, "path": "dinie/local", **options}
        made = VaultProvider(
            VaultOptions(auth=auth or VaultAuthOptions(), **settings),
            environ={"VAULT_TOKEN": TOKEN} if environ is None else environ,
            clock=self.clock,
            random=lambda: 0.5,
            timeout=timeout,
        )
        self.made.append(made)
        return made

    def approle(self) -> VaultAuthOptions:
        """Return a login by AppRole with files that fit."""
        role_id, secret_id = self.folder / "role_id", self.folder / "secret_id"
        role_id.write_text(self.vault.role[0] + "\n")
        secret_id.write_text(self.vault.role[1] + "\n")
        return VaultAuthOptions(
            method="approle",
            role_id_file=str(role_id),
            secret_id_file=str(secret_id),
        )

    def count(self, call: str) -> int:
        """Return how often Vault was asked something."""
        return self.vault.calls.count(call)


LOGIN = "POST auth/approle/login"
RENEW = "POST auth/token/renew-self"
DATA = "GET secret/data/dinie/local"
METADATA = "GET secret/metadata/dinie/local"


async def failure(provider: VaultProvider) -> SecretsUnavailable:
    """Return what a read fails with."""
    with pytest.raises(SecretsUnavailable) as caught:
        await provider.read()
    assert caught.value.__cause__ is None
    assert TOKEN not in repr(caught.value)
    return caught.value
