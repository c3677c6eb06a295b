"""Signals in the first moments of `serve`: nothing is accepted yet, nothing is lost."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SLOW = """
import sys
print("importing", flush=True)
sys.stdin.readline()
raise SystemExit(7)
"""


def begun(folder: Path, command: str, module: str) -> "subprocess.Popen[str]":
    """Start a command; its import of a module waits for a line on standard input."""
    (folder / module).mkdir()
    (folder / module / "__init__.py").write_text(SLOW)
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "gateway", command],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{folder}:{ROOT}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    return process


def ended(process: "subprocess.Popen[str]") -> int:
    """Let the imports go on; return the exit code."""
    process.communicate("\n", 20)
    return process.returncode


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGHUP, 7, id="reload"),
        pytest.param(signal.SIGTERM, 0, id="stop"),
        pytest.param(signal.SIGINT, 0, id="ctrl-c"),
    ],
)
@pytest.mark.parametrize("module", ["click", "uvloop"])  # the first, and a late one
def test_a_signal_while_it_imports_kills_no_gateway(
    tmp_path: Path, number: signal.Signals, code: int, module: str
) -> None:
    """A rotation job that signals too early must not cause an outage."""
    process = begun(tmp_path, "serve", module)

    process.send_signal(number)

    assert ended(process) == code


def test_another_command_keeps_the_defaults(tmp_path: Path) -> None:
    """A terminal that is closed ends what was started in it."""
    process = begun(tmp_path, "simulate", "click")

    process.send_signal(signal.SIGHUP)

    assert ended(process) == -signal.SIGHUP
