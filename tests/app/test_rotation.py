"""What a rotation is built of."""

import pytest

from gateway.app.rotation import (
    UnusableFile,
    build_context,
    open_dinie,
    open_vault,
    run_name,
)
from gateway.config.load import load
from gateway.config.schema import Config
from gateway.core.secret import Secret
from gateway.rotation.ports import Pair, StepFailed


def config(*overrides: str) -> Config:
    return load(
        environment="local",
        env={"VAULT_ADDR": "http://127.0.0.1:1"},
        overrides=("secrets.provider=vault", *overrides),
    ).config


async def test_a_ca_file_that_cannot_be_read_is_named() -> None:
    """It is a fault of the configuration, and no failed step."""
    with pytest.raises(UnusableFile, match=r"upstream\.ca_file"):
        async with open_dinie(config("upstream.ca_file=/nowhere/ca.pem")):
            raise AssertionError


async def test_a_run_refuses_a_credential_of_another_environment() -> None:
    """A live pair must not be shown to a laptop's Dinie."""
    made = config()
    live = Pair(Secret("dinie_ci_live_a"), Secret("dinie_cs_live_a"))
    async with open_vault(made) as store, open_dinie(made) as dinie:
        context = build_context(made, store, dinie, report=print)

        with pytest.raises(StepFailed, match="disagree"):
            context.checked(live)


def test_two_runs_have_two_names() -> None:
    """One of them may lose the lock to the other."""
    assert run_name() != run_name()
