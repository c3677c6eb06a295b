"""`dinie-gateway check`: tries the configuration, the secrets, the token endpoint."""

import asyncio
import os
import sys

import click

from gateway.cli.options import config_options
from gateway.config.load import ConfigError, Loaded, load
from gateway.config.providers import build_provider
from gateway.config.show import show as effective
from gateway.config.warnings import warnings
from gateway.core.clock import SystemClock
from gateway.core.errors import GatewayError
from gateway.core.timestamps import utc
from gateway.rotation.options import RotationOptions
from gateway.rotation.policy import due_at
from gateway.secrets.guard import check_credential, unknown_prefixes
from gateway.secrets.ports import SecretSet, SecretsUnavailable, moment
from gateway.upstream.token_endpoint import probe_token


@click.command()
@click.option("--show", is_flag=True, help="Print the effective configuration.")
@click.option(
    "--offline",
    is_flag=True,
    help="Make no connection; the providers env and file are still read.",
)
@config_options
def check(
    *, show: bool, offline: bool, config_dir: str | None, overrides: tuple[str, ...]
) -> None:
    """Check the configuration for DINIE_ENV, the secrets and the token endpoint."""
    try:
        loaded = load(config_dir=config_dir, overrides=overrides)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    if show:
        click.echo("\n".join(effective(loaded)))
    click.echo(f"configuration for {loaded.environment}: ok", err=show)
    for warning in warnings(loaded.config):
        click.echo(f"warning: {warning}", err=True)
    sys.exit(asyncio.run(_check_offline(loaded) if offline else _check_all(loaded)))


def _belongs(environment: str, secrets: SecretSet) -> bool:
    """Print what is wrong with the credential; return whether it may be sent."""
    pair = secrets.client_id.reveal(), secrets.client_secret.reveal()
    faults = check_credential(environment, *pair)
    for fault in faults:
        click.echo(fault, err=True)
    if not faults and environment != "local":
        for field in unknown_prefixes(*pair):
            click.echo(f"{field}: its prefix names no environment", err=True)
    return not faults


async def _check_offline(loaded: Loaded) -> int:
    """Compare the credential on this host, if there is one, with the environment.

    Returns:
        The exit code: 2 for a credential of another environment. A missing credential
        is no fault: a CI pipeline checks the configuration without secrets.
    """
    if loaded.config.secrets.provider == "vault":
        return 0
    provider = build_provider(loaded.config.secrets, os.environ)
    try:
        secrets = await provider.read()
    except SecretsUnavailable:
        return 0
    finally:
        await provider.close()
    return 0 if _belongs(loaded.environment, secrets) else 2


async def _check_all(loaded: Loaded) -> int:
    """Try the secrets and the token endpoint; return the exit code."""
    config = loaded.config
    provider = build_provider(config.secrets, os.environ)
    try:
        secrets = await provider.read()
    except SecretsUnavailable as error:
        click.echo(f"secrets from {provider.name}: {error.detail}", err=True)
        return 1
    finally:
        await provider.close()
    click.echo(f"secrets from {provider.name}: ok")
    if not _belongs(loaded.environment, secrets):
        return 2
    try:
        await probe_token(config.upstream, secrets)
    except OSError as error:
        click.echo(error.strerror, err=True)
        return 2
    except GatewayError as error:
        click.echo(f"token from {config.upstream.base_url}: {error.detail}", err=True)
        return 1
    click.echo(f"token from {config.upstream.base_url}: ok")
    click.echo(_age(config.rotation, secrets, SystemClock.unix()))
    return 0


def _age(options: RotationOptions, secrets: SecretSet, now: float) -> str:
    """Return a line with the age of the credential and when it is to be replaced."""
    created, expires = (
        moment(secrets, f"client_{name}_at") for name in ("created", "expires")
    )
    due = due_at(created, expires, options)
    if due is None:
        return "credential: its age is unknown (no client_created_at beside it)"
    when = utc(due).date().isoformat()
    age = "" if created is None else f"{(now - created) / 86400:.0f} days old, "
    return f"credential: {age}to be rotated from {when}"
