"""Makes the secrets provider that the configuration names."""

from collections.abc import Mapping

from gateway.config.schema import Secrets
from gateway.secrets.env import EnvProvider
from gateway.secrets.files import FileProvider
from gateway.secrets.ports import SecretsProvider


def build_provider(secrets: Secrets, environ: Mapping[str, str]) -> SecretsProvider:
    """Return the provider; nothing is read yet.

    Args:
        secrets: Names the provider; checked by the loader.
        environ: Where provider `env` looks, and the Vault login for its token.
    """
    if secrets.provider == "env":
        return EnvProvider(environ)
    if secrets.provider == "file":
        assert secrets.file.directory is not None  # noqa: S101 - see `rules.py`
        return FileProvider(secrets.file.directory)
    # Imported only where it is used: hvac takes long to import.
    from gateway.vault.provider import VaultProvider  # noqa: PLC0415

    return VaultProvider(secrets.vault, environ=environ)
