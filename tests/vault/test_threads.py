"""Daemon threads: results arrive, and a call that hangs keeps no process alive."""

import subprocess
import sys
from concurrent.futures import CancelledError
from pathlib import Path
from threading import Event, current_thread

import pytest

from gateway.vault.threads import DaemonThreads

LONG = 10.0  # s; nothing here takes so long


def test_results_and_errors_come_back() -> None:
    """An error of a library must reach who asked, and not end the thread."""
    threads = DaemonThreads(1, name="x")

    good = threads.submit(pow, 2, 5)
    bad = threads.submit(int, "x")
    last = threads.submit(lambda: current_thread().name)

    assert good.result(LONG) == 32
    assert isinstance(bad.exception(LONG), ValueError)
    assert last.result(LONG) == "x-1"
    threads.shutdown()


def test_one_that_hangs_does_not_stop_the_other() -> None:
    """Two threads are for that."""
    threads, held = DaemonThreads(2, name="x"), Event()
    hung = threads.submit(held.wait)

    assert threads.submit(pow, 2, 5).result(LONG) == 32

    held.set()
    assert hung.result(LONG)
    threads.shutdown()


def test_what_waits_at_the_end_is_not_begun() -> None:
    """A write that no caller waits for any more must not be made late."""
    threads, held, begun = DaemonThreads(1, name="x"), Event(), Event()

    def hold() -> None:
        begun.set()
        held.wait()

    threads.submit(hold)
    assert begun.wait(LONG)
    waiting = threads.submit(pow, 2, 5)

    threads.shutdown()
    held.set()

    with pytest.raises(CancelledError):
        waiting.result(LONG)
    with pytest.raises(RuntimeError):
        threads.submit(pow, 2, 5)


def test_a_process_ends_although_a_call_hangs() -> None:
    """A Vault that drips a byte a second kept every command and every drain."""
    code = (
        "import time\n"
        "from gateway.vault.threads import DaemonThreads\n"
        "DaemonThreads(2, name='x').submit(time.sleep, 600)\n"
    )

    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code],
        cwd=Path(__file__).resolve().parents[2],
        check=False,
        timeout=30,
    )

    assert done.returncode == 0
