"""Rules over more than one setting, each with the keys that it compares.

A broken rule is reported under its first key.
"""

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Final

from gateway.admission.policy import UPLOAD_SLOTS
from gateway.config.schema import Config
from gateway.secrets.guard import check_host, check_vault_path

Rule = tuple[tuple[str, ...], Callable[[Config], str | None]]


def _total(config: Config) -> str | None:
    fits = config.deadline.total <= config.deadline.maximum
    return None if fits else "must not be above deadline.maximum"


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
    fits = config.environment == "local" or not plain
    return None if fits else "must be https outside local"


def _vault_path(config: Config) -> str | None:
    if config.secrets.provider != "vault":
        return None
    return check_vault_path(config.environment, config.secrets.vault.path)


def _admin_apart(config: Config) -> str | None:
    proxy, admin = config.listen.proxy, config.listen.admin
    fits = proxy.off or proxy.port == 0 or proxy != admin
    return None if fits else "must differ from listen.proxy"


def _webhooks_apart(config: Config) -> str | None:
    listen = config.listen
    if listen.webhooks.off or listen.webhooks.port == 0:
        return None
    if listen.webhooks in {listen.proxy, listen.admin}:
        # Dinie reaches this listener; it must never reach the others.
        return "must differ from listen.proxy and listen.admin"
    return None


def _needed(key: str, provider: str, hint: str = "") -> Rule:
    """Return the rule that a secrets provider needs a key."""
    value = attrgetter(key)

    def rule(config: Config) -> str | None:
        if config.secrets.provider != provider or value(config):
            return None
        return f"is needed for the provider {provider}{hint}"

    return (key, "secrets.provider"), rule


def _needed_to_log_in(key: str, *methods: str) -> Rule:
    """Return the rule that some login methods of Vault need a key."""
    value = attrgetter(key)

    def rule(config: Config) -> str | None:
        method = config.secrets.vault.auth.method
        unused = config.secrets.provider != "vault" or method not in methods
        if unused or value(config):
            return None
        return f"is needed for the login method {method}"

    return (key, "secrets.vault.auth.method", "secrets.provider"), rule


RULES: Final[tuple[Rule, ...]] = (
    (("deadline.total", "deadline.maximum"), _total),
    (("upstream.pool_size", "admission.max_in_flight"), _pool),
    (("upstream.base_url",), _host),
    (("upstream.base_url",), _encrypted),
    (("secrets.vault.path", "secrets.provider"), _vault_path),
    _needed("secrets.vault.address", "vault", " (or VAULT_ADDR)"),
    _needed("secrets.file.directory", "file"),
    _needed_to_log_in("secrets.vault.auth.role_id_file", "approle"),
    _needed_to_log_in("secrets.vault.auth.secret_id_file", "approle"),
    _needed_to_log_in("secrets.vault.auth.role", "kubernetes", "jwt"),
    _needed_to_log_in("secrets.vault.auth.jwt_file", "jwt"),
    (("listen.admin", "listen.proxy"), _admin_apart),
    (("listen.webhooks", "listen.proxy", "listen.admin"), _webhooks_apart),
)


def broken(config: Config, faulty: set[str]) -> Iterator[tuple[str, str]]:
    """Yield key and message of each broken rule.

    Args:
        config: To be checked.
        faulty: Keys that are faulty by themselves; rules about them are skipped.
    """
    for keys, rule in RULES:
        if not faulty.intersection(keys) and (message := rule(config)):
            yield keys[0], message
