"""Warns of settings that are allowed but risky."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from gateway.config.schema import Config
from gateway.config.sources import Fault
from gateway.secrets.guard import is_loopback
from gateway.storage.database.files import advice


def warnings(config: Config) -> Iterator[Fault]:
    """Yield the warnings that `serve` and `check` print; none stops a start."""
    proxy = config.listen.proxy
    reachable = proxy.host is not None and not is_loopback(proxy.host)
    if reachable and not _proven(config):
        yield Fault(
            "listen.proxy",
            f"{proxy} is reachable from other hosts and identity.callers has no "
            "proofs: any process that reaches it calls Dinie as this company; listen "
            "on 127.0.0.1, or give each caller a token, subject or certificate",
            "",
        )
    vault = config.secrets.vault
    if config.secrets.provider == "vault" and vault.address:
        parts = urlsplit(vault.address)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            yield Fault(
                "secrets.vault.address",
                "is plain http to another host: the Vault token and the client "
                "secret can be read on the way; use https",
                "",
            )
    kept = config.idempotency.durable or not config.listen.webhooks.off
    text = advice(Path(config.storage.sqlite_path), config.environment)
    if kept and text is not None:
        yield Fault("storage.sqlite_path", text, "")


def _proven(config: Config) -> bool:
    return any(
        one.token or one.subject or one.certificate for one in config.identity.callers
    )
