"""SIGTERM ends commands with 143, also as process 1 of a container."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.cli.termination import TERMINATED, Termination
from tests.namespaces import UNSHARE, children, may_unshare

ROOT = Path(__file__).resolve().parents[2]
_LONGEST = 20.0  # s; a command that is not up by then has failed


def _catches(pid: int) -> bool:
    """Return whether a process has a handler for SIGTERM."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


@contextmanager
def process_1(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a command as the first process of a namespace; yield it and its pid here."""
    process = subprocess.Popen(  # noqa: S603
        [*UNSHARE, sys.executable, "-m", "gateway", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DINIE_ENV": "local"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + _LONGEST
        while time.monotonic() < until:
            if any(_catches(pid) for pid in children(process.pid)):
                break
            time.sleep(0.05)
        yield process, children(process.pid)[0]
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(not may_unshare(), reason="no new PID namespace may be made here")
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("wait", "--timeout", "60"), id="wait"),
        pytest.param(("demo", "--once"), id="tour"),
    ],
)
def test_sigterm_ends_a_command_that_is_process_1(arguments: tuple[str, ...]) -> None:
    """The kernel ignores the signal there, and a pod's end would take its grace."""
    with process_1(*arguments) as (process, pid):
        os.kill(pid, signal.SIGTERM)

        assert process.wait(_LONGEST) == TERMINATED


async def test_a_pause_ends_at_once() -> None:
    """A rotation waits for days, and nothing is under way meanwhile."""
    termination = Termination()

    async def job() -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        await termination.pause(3600)
        return 0

    assert await asyncio.wait_for(termination.run(job()), 5) == TERMINATED


async def test_a_step_comes_to_its_end_first() -> None:
    """What it holds and has begun is then written down."""
    termination = Termination()
    steps: list[str] = []

    async def job() -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.05)
        steps.append("written")
        await termination.pause(3600)
        return 0

    assert await asyncio.wait_for(termination.run(job()), 5) == TERMINATED
    assert steps == ["written"]


async def test_a_job_that_ends_by_itself_keeps_its_exit_code() -> None:
    """The signal came too late to change anything."""
    termination = Termination()

    async def job() -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.05)
        return 1

    assert await asyncio.wait_for(termination.run(job()), 5) == 1


async def test_a_step_that_takes_too_long_is_cancelled() -> None:
    """And gives its lock back, before the pod is killed."""
    termination = Termination(grace=0.05)
    released: list[str] = []

    async def job() -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.sleep(3600)
        finally:
            released.append("lock")
        return 0

    assert await asyncio.wait_for(termination.run(job()), 5) == TERMINATED
    assert released == ["lock"]
