"""`dinie-gateway simulate`: Dinie in a box, alone."""

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import cli

COMMAND = [sys.executable, "-m", "gateway", "simulate", "--port", "0"]


@contextmanager
def running(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run the command; yield it and its first line."""
    with subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 0), (signal.SIGINT, 130)],
)
def test_it_says_how_to_reach_it_and_stops_when_told(
    number: signal.Signals, code: int
) -> None:
    """What is needed to use it stands on one line."""
    with running("--profile", "sdk") as (process, line):
        found = re.search(r"http://127\.0\.0\.1:\d+/_sim/journal", line)
        assert found is not None
        with urllib.request.urlopen(found[0], timeout=5) as response:  # noqa: S310
            status = response.status
        process.send_signal(number)
        ended = process.wait(10)

    assert (status, ended) == (200, code)
    assert line.startswith("Dinie (sdk) on http://127.0.0.1:")
    assert "client id dinie_ci_test_simulator" in line


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["simulate", *arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("seeed: 2", "unknown: seeed; known: auto_step, ", id="option"),
        pytest.param(
            "seed: 1\nseed: 2", "seed: occurs twice, in lines 1 and 2", id="twice"
        ),
        pytest.param("faults: [{kind: explosion}]", "unknown_fault", id="kind"),
        pytest.param("faults: [{kind: hang, s: 1}]", "unknown: s", id="fault-field"),
    ],
)
def test_a_faulty_file_is_exit_2(tmp_path: Path, text: str, said: str) -> None:
    """A typing error does not run for an hour unnoticed."""
    file = tmp_path / "simulator.yaml"
    file.write_text(text)

    code, output = invoke("--config", str(file))

    assert code == 2
    assert said in output


@pytest.mark.e2e
def test_a_port_that_is_taken_is_exit_1() -> None:
    """It says which one."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = subprocess.run(  # noqa: S603 - our own command
            [*COMMAND, "--port", port],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"cannot listen on port {port}: ")


@pytest.mark.parametrize("profile", ["other", ""])
def test_an_unknown_profile_is_exit_2(profile: str) -> None:
    """There are two generations of the contract."""
    code, output = invoke("--profile", profile)

    assert code == 2
    assert "profile" in output
