"""`serve`: what it refuses to start with, and how it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.e2e


def _environment(**more: str) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(ROOT),
        "GATEWAY_CONFIG_DIR": str(ROOT / "config"),
        "GATEWAY__LISTEN__PROXY": "127.0.0.1:0",
        "GATEWAY__LISTEN__ADMIN": "127.0.0.1:0",
        **more,
    }


def _run(**more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", "serve"],
        env=_environment(**more),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@contextmanager
def _serving(
    *, stdout: int = subprocess.DEVNULL, **more: str
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve"],
        env=_environment(**more),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        assert "proxy on" in process.stderr.readline()
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        if process.stdout is not None:
            process.stdout.close()


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        pytest.param(None, "environment local (DINIE_ENV is not set)", id="unset"),
        pytest.param("local", "environment local", id="set"),
    ],
)
def test_the_start_says_which_environment_it_is(chosen: str | None, said: str) -> None:
    """A forgotten variable shows at once, and not when a loan is missing."""
    more = {} if chosen is None else {"DINIE_ENV": chosen}
    with _serving(stdout=subprocess.DEVNULL, **more) as process:
        assert process.stderr is not None

        assert process.stderr.readline() == f"dinie-gateway: {said}\n"


def test_an_empty_environment_name_is_exit_code_2() -> None:
    """A template that was not filled in must not start another environment."""
    ended = _run(DINIE_ENV="")

    assert ended.returncode == 2
    assert "DINIE_ENV: is set but empty" in ended.stderr


def test_a_risky_setting_is_a_line_in_the_log() -> None:
    """The log says that the Vault token travels in the clear."""
    with _serving(
        stdout=subprocess.PIPE,
        GATEWAY__SECRETS__PROVIDER="vault",
        VAULT_ADDR="http://vault.invalid:8200",
        VAULT_TOKEN="hvs.risky",
    ) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        found = next(line for line in lines if "risky_setting" in line)

    assert '"key":"secrets.vault.address"' in found.replace(" ", "")


def test_a_faulty_configuration_is_exit_code_2_with_every_fault() -> None:
    """A crash loop that names one fault at a time takes an evening."""
    ended = _run(GATEWAY__RETRY__CAP="-1", GATEWAY__LISTEN__PROXY="nowhere")

    assert ended.returncode == 2
    assert "retry.cap" in ended.stderr
    assert "listen.proxy" in ended.stderr


@pytest.mark.parametrize(
    ("client_id", "secret", "named"),
    [
        pytest.param("dinie_ci_live_x", "dinie_cs_live_y", "live client id", id="live"),
        pytest.param("dinie_ci_live_x", "dinie_cs_test_y", "disagree", id="mixed"),
    ],
)
def test_a_credential_of_another_environment_is_refused_before_any_connection(
    client_id: str, secret: str, named: str
) -> None:
    """Production money must not be lent from a laptop."""
    ended = _run(DINIE_CLIENT_ID=client_id, DINIE_CLIENT_SECRET=secret)

    assert ended.returncode == 2
    assert named in ended.stderr
    assert client_id not in ended.stderr + ended.stdout
    assert secret not in ended.stderr + ended.stdout


def test_a_taken_port_is_exit_code_1_with_the_reason() -> None:
    """The usual first mistake on a laptop."""
    with _serving() as first:
        assert first.poll() is None
        # The address of the first is not needed: an impossible one fails the same way.
        ended = _run(GATEWAY__LISTEN__PROXY="192.0.2.1:1")

    assert ended.returncode == 1
    assert "cannot listen" in ended.stderr


def test_sigterm_ends_with_exit_code_0() -> None:
    """Kubernetes counts anything else as a crash."""
    with _serving(GATEWAY__DRAIN__ACCEPT="0") as process:
        process.send_signal(signal.SIGTERM)

        assert process.wait(10) == 0


def test_a_second_interrupt_ends_at_once_with_exit_code_130() -> None:
    """At a terminal a drain is too long to wait for."""
    with _serving(GATEWAY__DRAIN__ACCEPT="20") as process:
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)

        assert process.wait(10) == 130


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_last_moments_kills_nothing(number: signal.Signals) -> None:
    """A clean drain ends with 0, and what is left of the log comes out."""
    with _serving(GATEWAY__DRAIN__ACCEPT="0") as process:
        process.send_signal(signal.SIGTERM)
        give_up = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < give_up:
            process.send_signal(number)
            time.sleep(0.0005)

        assert process.returncode == 0
