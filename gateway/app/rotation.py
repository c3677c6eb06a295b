"""Builds what a rotation needs: its store in Vault, Dinie's API, and their context."""

import os
import random
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from gateway.config.schema import Config
from gateway.core.clock import SystemClock
from gateway.rotation import policy
from gateway.rotation.context import Context
from gateway.rotation.ports import Pair
from gateway.secrets.guard import check_credential
from gateway.upstream.credentials_api import CredentialsApi
from gateway.upstream.retrying import ATTEMPTS
from gateway.upstream.token_endpoint import HttpTokenEndpoint
from gateway.upstream.transport import trust
from gateway.vault.provider import open_store
from gateway.vault.rotation_store import VaultStore


class UnusableFile(Exception):  # noqa: N818 - named for what it is about
    """A file that the configuration names cannot be used; the text says which."""


def run_name() -> str:
    """Return a unique name for this run, which the lock shows."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(3)}"


def build_context(
    config: Config,
    store: VaultStore,
    dinie: CredentialsApi,
    *,
    report: Callable[[str], object],
) -> Context:
    """Return the context of one run.

    Args:
        config: Names the environment and the spans of a rotation.
        store: Where the rotation keeps its state.
        dinie: Its credentials API.
        report: Prints a line for the operator.
    """
    return Context(
        store=store,
        dinie=dinie,
        options=config.rotation,
        clock=SystemClock(),
        new_id=partial(secrets.token_hex, 6),
        holder=run_name(),
        guard=partial(_guard, config.environment),
        report=report,
        settle=policy.settle(config.secrets.vault.refresh),
    )


def _guard(environment: str, pair: Pair) -> list[str]:
    return check_credential(
        environment, pair.client_id.reveal(), pair.client_secret.reveal()
    )


@asynccontextmanager
async def open_vault(config: Config) -> AsyncIterator[VaultStore]:
    """Yield the store in Vault, and close it."""
    store = open_store(config.secrets.vault, os.environ)
    try:
        yield store
    finally:
        store.close()


@asynccontextmanager
async def open_dinie(config: Config) -> AsyncIterator[CredentialsApi]:
    """Yield Dinie's credentials API, and close it.

    Raises:
        UnusableFile: `upstream.ca_file` cannot be read.
    """
    upstream = config.upstream
    try:
        tls = trust(upstream.ca_file)
    except OSError as error:
        raise UnusableFile(str(error.strerror)) from None
    api = CredentialsApi(
        upstream.base_url,
        HttpTokenEndpoint(
            upstream.base_url,
            token_auth=upstream.token_auth,
            ssl_context=tls,
            attempts=ATTEMPTS,
            random=random.random,
        ),
        ssl_context=tls,
        idempotency=config.idempotency,
        clock=SystemClock(),
        random=random.random,
    )
    try:
        yield api
    finally:
        await api.close()
