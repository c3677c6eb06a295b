"""Do the settings fit together? Rules over more than one key, each with its keys.

The first key of a rule is the one that its fault is reported under.
"""

from collections.abc import Callable
from typing import Final

from gateway.admission.policy import UPLOAD_SLOTS
from gateway.config.schema import Config
from gateway.secrets.guard import check_host, check_vault_path

Rule = Callable[[Config], str | None]


def _total(config: Config) -> str | None:
    if config.deadline.total <= config.deadline.maximum:
        return None
    return "must not be above deadline.maximum"


def _pool(config: Config) -> str | None:
    least = config.admission.max_in_flight + UPLOAD_SLOTS
    if config.upstream.pool_size >= least:
        return None
    return (
        f"must be at least {least}: admission.max_in_flight and "
        f"{UPLOAD_SLOTS} for uploads"
    )


def _host(config: Config) -> str | None:
    return check_host(config.environment, config.upstream.base_url)


def _encrypted(config: Config) -> str | None:
    plain = config.upstream.base_url.lower().startswith("http:")
    if config.environment == "local" or not plain:
        return None
    return "must be https outside local"


def _vault_path(config: Config) -> str | None:
    if config.secrets.provider != "vault":
        return None
    return check_vault_path(config.environment, config.secrets.vault.path)


def _vault_address(config: Config) -> str | None:
    if config.secrets.provider != "vault" or config.secrets.vault.address:
        return None
    return "is needed for the provider vault (or VAULT_ADDR)"


def _directory(config: Config) -> str | None:
    if config.secrets.provider != "file" or config.secrets.file.directory:
        return None
    return "is needed for the provider file"


def _role_id(config: Config) -> str | None:
    return _login_file(config, config.secrets.vault.auth.role_id_file)


def _secret_id(config: Config) -> str | None:
    return _login_file(config, config.secrets.vault.auth.secret_id_file)


def _login_file(config: Config, value: str | None) -> str | None:
    approle = config.secrets.vault.auth.method == "approle"
    if config.secrets.provider != "vault" or not approle or value:
        return None
    return "is needed for the login method approle"


def _role(config: Config) -> str | None:
    auth = config.secrets.vault.auth
    signed = auth.method in {"kubernetes", "jwt"}
    if config.secrets.provider != "vault" or not signed or auth.role:
        return None
    return f"is needed for the login method {auth.method}"


def _jwt_file(config: Config) -> str | None:
    auth = config.secrets.vault.auth
    if config.secrets.provider != "vault" or auth.method != "jwt" or auth.jwt_file:
        return None
    return "is needed for the login method jwt"


def _apart(config: Config) -> str | None:
    proxy, admin = config.listen.proxy, config.listen.admin
    if proxy.off or proxy.port == 0 or proxy != admin:
        return None
    return "must differ from listen.proxy"


def _webhooks_apart(config: Config) -> str | None:
    listen = config.listen
    if listen.webhooks.off or listen.webhooks.port == 0:
        return None
    if listen.webhooks in {listen.proxy, listen.admin}:
        # It faces Dinie; the others must never.
        return "must differ from listen.proxy and listen.admin"
    return None


RULES: Final[tuple[tuple[tuple[str, ...], Rule], ...]] = (
    (("deadline.total", "deadline.maximum"), _total),
    (("upstream.pool_size", "admission.max_in_flight"), _pool),
    (("upstream.base_url",), _host),
    (("upstream.base_url",), _encrypted),
    (("secrets.vault.path", "secrets.provider"), _vault_path),
    (("secrets.vault.address", "secrets.provider"), _vault_address),
    (("secrets.file.directory", "secrets.provider"), _directory),
    (
        (
            "secrets.vault.auth.role_id_file",
            "secrets.vault.auth.method",
            "secrets.provider",
        ),
        _role_id,
    ),
    (
        (
            "secrets.vault.auth.secret_id_file",
            "secrets.vault.auth.method",
            "secrets.provider",
        ),
        _secret_id,
    ),
    (
        ("secrets.vault.auth.role", "secrets.vault.auth.method", "secrets.provider"),
        _role,
    ),
    (
        (
            "secrets.vault.auth.jwt_file",
            "secrets.vault.auth.method",
            "secrets.provider",
        ),
        _jwt_file,
    ),
    (("listen.admin", "listen.proxy"), _apart),
    (("listen.webhooks", "listen.proxy", "listen.admin"), _webhooks_apart),
)
