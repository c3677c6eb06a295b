"""Which secrets provider does the configuration ask for?"""

from collections.abc import Mapping

from gateway.config.schema import Config
from gateway.secrets.env import EnvProvider
from gateway.secrets.files import FileProvider
from gateway.secrets.ports import SecretsProvider


def build_provider(config: Config, environ: Mapping[str, str]) -> SecretsProvider:
    """Return the provider; nothing is read yet."""
    if config.secrets.provider == "env":
        return EnvProvider(environ)
    if config.secrets.provider == "file":
        assert config.secrets.file.directory is not None  # noqa: S101 - see the schema
        return FileProvider(config.secrets.file.directory)
    # hvac takes a while to import; only who uses it pays.
    from gateway.vault.provider import VaultProvider  # noqa: PLC0415

    return VaultProvider(config.secrets.vault, environ=environ)
