"""Secrets from environment variables, of a laptop or a platform that injects them."""

from collections.abc import Mapping
from typing import Final

from gateway.core.secret import Secret
from gateway.secrets.ports import SecretSet, required
from gateway.secrets.version import version_of

# The names that the official SDKs use.
NAMES: Final = {
    "client_id": "DINIE_CLIENT_ID",
    "client_secret": "DINIE_CLIENT_SECRET",
    "webhook_secret": "DINIE_WEBHOOK_SECRET",
}
_PREFIX: Final = "DINIE_SECRET_"


class EnvProvider:
    """Reads the variables at each call, though a process's own never change."""

    name = "env"
    max_interval = float("inf")  # s
    expires_in = None
    warning = None

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    async def read(self) -> SecretSet:
        """Return the fields that the variables hold.

        Raises:
            SecretsUnavailable: a variable is not set.
        """
        fields = {
            field: Secret(self._environ[variable].strip())
            for field, variable in NAMES.items()
            if self._environ.get(variable)
        }
        for variable, value in self._environ.items():
            if variable.startswith(_PREFIX) and value:
                fields[variable[len(_PREFIX) :].lower()] = Secret(value.strip())
        return required(
            fields,
            where="the environment (DINIE_CLIENT_ID, DINIE_CLIENT_SECRET)",
            version=version_of(fields),
        )

    async def close(self) -> None:
        """Do nothing: nothing is open."""
