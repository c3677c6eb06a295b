"""Builds what a run of `rotate` needs: the store in Vault, Dinie, and its context."""

import os
import random
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import click

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


class Unusable(Exception):  # noqa: N818 - named for what it is about
    """Something that the configuration names cannot be used."""


def holder() -> str:
    """Return a name for this run, for the lock."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(3)}"


def context_of(config: Config, store: VaultStore, dinie: CredentialsApi) -> Context:
    """Return the world of one run."""
    return Context(
        store=store,
        dinie=dinie,
        options=config.rotation,
        clock=SystemClock(),
        new_id=partial(secrets.token_hex, 6),
        holder=holder(),
        guard=partial(_guard, config.environment),
        report=click.echo,
        settle=policy.settle(config.secrets.vault.refresh),
    )


def _guard(environment: str, pair: Pair) -> list[str]:
    return check_credential(
        environment, pair.client_id.reveal(), pair.client_secret.reveal()
    )


@asynccontextmanager
async def open_vault(config: Config) -> AsyncIterator[VaultStore]:
    """Yield where the rotation writes."""
    store = open_store(config.secrets.vault, os.environ)
    try:
        yield store
    finally:
        store.close()


@asynccontextmanager
async def open_dinie(config: Config) -> AsyncIterator[CredentialsApi]:
    """Yield Dinie's credentials API.

    Raises:
        Unusable: `upstream.ca_file` cannot be read.
    """
    upstream = config.upstream
    try:
        tls = trust(upstream.ca_file)
    except OSError as error:
        raise Unusable(str(error.strerror)) from None
    made = CredentialsApi(
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
        yield made
    finally:
        await made.close()
