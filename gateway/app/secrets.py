"""Builds what reads the gateway's secrets, watches them for changes and guards them."""

import random
from collections.abc import Mapping
from functools import partial
from typing import Any

import structlog

from gateway.config.providers import build_provider
from gateway.config.schema import Config
from gateway.core.clock import Clock
from gateway.secrets.guard import check_credential, unknown_prefixes
from gateway.secrets.ports import SecretSet
from gateway.secrets.watcher import SecretWatcher
from gateway.telemetry.metrics import Metrics

_log = structlog.get_logger("gateway.secrets")
_LEVELS = {
    "certificate_refused": "error",
    "secrets_refused": "error",
    "secrets_expiring": "warning",
    "secrets_unavailable": "warning",
    "token_life_assumed": "warning",
}


class WrongEnvironment(Exception):  # noqa: N818 - named for what happened
    """The credential and the environment disagree; the text says how."""


def build_secrets(
    config: Config, environ: Mapping[str, str], *, clock: Clock, metrics: Metrics
) -> SecretWatcher:
    """Return the watcher of the secrets; nothing is read yet.

    Args:
        config: Names the provider and the environment.
        environ: Where provider `env` looks.
        clock: Real or fake.
        metrics: Counts the reads that gave nothing usable.
    """
    return SecretWatcher(
        build_provider(config.secrets, environ),
        guard=partial(guard, config.environment),
        clock=clock,
        interval=config.secrets.vault.refresh,  # of every provider, despite its name
        random=random.random,
        on_event=log_event,
        on_refused=metrics.secret_refused,
    )


def guard(environment: str, found: SecretSet) -> list[str]:
    """Return why a set of secrets belongs to another environment; warn if unsure."""
    client_id, secret = found.client_id.reveal(), found.client_secret.reveal()
    if unknown := unknown_prefixes(client_id, secret):
        _log.warning("unknown_credential_prefix", fields=unknown)
    return check_credential(environment, client_id, secret)


def log_event(event: str, **fields: Any) -> None:
    """Log an event of secrets, tokens or certificates at the level of its kind."""
    getattr(_log, _LEVELS.get(event, "info"))(event, **fields)
