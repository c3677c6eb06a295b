"""LogWriter: lines go out on a thread, and a reader that stops stops nobody."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.telemetry.log_writer import LogWriter

PIPE = 64 * 1024  # bytes that a pipe holds
PATIENCE = 10.0  # s; a test that waits longer has failed


@dataclass
class Pipe:
    """A pipe that is read only when the test says so."""

    read_end: int
    write_end: int
    dropped: list[int] = field(default_factory=list)
    writers: list[LogWriter] = field(default_factory=list)

    def writer(self, capacity: int = PIPE) -> LogWriter:
        made = LogWriter(self.write_end, capacity=capacity)
        made.on_dropped = self.dropped.append
        self.writers.append(made)
        return made

    def fill(self) -> None:
        """Leave no room, as an unread pipe has none."""
        os.set_blocking(self.write_end, False)
        with suppress(BlockingIOError):
            while True:
                os.write(self.write_end, b"." * 4096)
        os.set_blocking(self.write_end, True)

    def read_until(self, end: bytes) -> bytes:
        data = b""
        while end not in data:
            data += os.read(self.read_end, PIPE)
        return data


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe(*os.pipe())
    yield made
    os.close(made.read_end)  # a thread that hangs in a write ends with this
    for writer in made.writers:
        writer.close()
        if writer._thread is not None:
            writer._thread.join(PATIENCE)
    os.close(made.write_end)


def test_lines_come_out_in_order(pipe: Pipe) -> None:
    """A log is read from top to bottom."""
    writer = pipe.writer()

    for number in range(100):
        writer.write(f"{number}\n")

    expected = b"".join(b"%d\n" % number for number in range(100))
    assert pipe.read_until(b"\n99\n") == expected
    writer.close()
    assert pipe.dropped == []


def test_a_pipe_that_nobody_reads_blocks_no_write(pipe: Pipe) -> None:
    """The event loop writes these lines; it must come back at once."""
    writer = pipe.writer(50 * 1000)
    pipe.fill()
    done = threading.Event()

    def write() -> None:
        for _ in range(400):
            writer.write("x" * 999 + "\n")
        done.set()

    threading.Thread(target=write, daemon=True).start()

    assert done.wait(PATIENCE)
    assert sum(pipe.dropped) == 350


def test_what_was_lost_is_said_once_when_the_pipe_moves_again(pipe: Pipe) -> None:
    """A gap in the log that nobody mentions is taken for silence."""
    writer = pipe.writer(50 * 1000)
    writer.on_recovered = lambda count: writer.write(f"lost {count}\n")
    pipe.fill()
    for _ in range(400):
        writer.write("x" * 999 + "\n")

    said = pipe.read_until(b"lost 350\n")
    writer.write("after\n")
    writer.close()
    rest = os.read(pipe.read_end, PIPE)

    assert (said.count(b"x" * 999 + b"\n"), rest) == (50, b"after\n")


def test_a_close_does_not_wait_for_a_reader_that_never_comes(pipe: Pipe) -> None:
    """A shutdown has its time budget, and the log is not worth it."""
    writer = pipe.writer()
    pipe.fill()
    writer.write("never read\n")

    assert not writer.drain(0.01)
    writer.close(0.01)

    writer.write("late\n")
    assert pipe.dropped == [1]


def test_a_close_writes_the_last_line(pipe: Pipe) -> None:
    """The last line says why it ended."""
    writer = pipe.writer()
    writer.write("last\n")

    writer.close()

    assert os.read(pipe.read_end, PIPE) == b"last\n"


def test_a_reader_that_has_gone_costs_lines_only() -> None:
    """A closed pipe is an error of each write, and of nothing else."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    dropped: list[int] = []
    writer = LogWriter(write_end)
    writer.on_dropped = dropped.append

    writer.write("a\nb\n")

    assert writer.drain(PATIENCE)
    writer.close()
    os.close(write_end)
    assert dropped == [2]


def test_a_full_disk_costs_lines_only() -> None:
    """`/dev/full` answers as a full disk does."""
    with Path("/dev/full").open("wb") as full:
        dropped: list[int] = []
        writer = LogWriter(full.fileno())
        writer.on_dropped = dropped.append

        writer.write("a\n")

        assert writer.drain(PATIENCE)
        writer.close()
    assert dropped == [1]


def test_half_a_line_spoils_no_other(tmp_path: Path) -> None:
    """A disk fills in the middle of a line, and the first one after it must be read."""
    ended = subprocess.run(  # noqa: S603 - our own lines
        [sys.executable, "-c", FULL_FOR_A_WHILE, str(tmp_path / "log")],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    lines = (tmp_path / "log").read_text().splitlines()
    assert lines == ["first line", "seco", "after"]
    assert ended.stdout == "4\n"


def test_a_pipe_that_somebody_made_non_blocking_is_waited_for(pipe: Pipe) -> None:
    """A terminal or a parent in JavaScript shares its flags with us."""
    os.set_blocking(pipe.write_end, False)
    writer = pipe.writer(10 * PIPE)
    text = "x" * 999 + "\n"

    for _ in range(200):
        writer.write(text)
    writer.write("end\n")

    assert len(pipe.read_until(b"end\n")) == 200 * 1000 + 4
    writer.close()
    assert pipe.dropped == []


def test_it_stands_in_for_a_standard_stream(pipe: Pipe) -> None:
    """Click, warnings and tracebacks ask these before they write."""
    writer = pipe.writer()

    writer.write("")
    writer.flush()

    assert writer.fileno() == pipe.write_end
    assert writer.writable()
    assert not writer.isatty()
    with pytest.raises(TypeError):
        writer.write(b"bytes")  # type: ignore[arg-type]


FULL_FOR_A_WHILE = """
import os, resource, sys
from gateway.telemetry.log_writer import LogWriter
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
dropped = []
writer = LogWriter(log)
writer.on_dropped = dropped.append
unlimited = resource.RLIM_INFINITY
resource.setrlimit(resource.RLIMIT_FSIZE, (15, unlimited))
writer.write("first line\\nsecond line\\nthird\\n")
writer.drain()
writer.write("\\nfifth\\n")
writer.drain()
resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
writer.write("after\\n")
writer.close()
print(sum(dropped))
"""

CRASH = """
import sys
from gateway.telemetry.logging import unblock_standard_streams
unblock_standard_streams()
print("said")
raise ValueError("crashed")
"""


def test_a_crash_s_traceback_comes_out() -> None:
    """It is written after the last statement of the program."""
    ended = subprocess.run(  # noqa: S603 - our own lines
        [sys.executable, "-c", CRASH],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (1, "said\n")
    assert ended.stderr.endswith("ValueError: crashed\n")
