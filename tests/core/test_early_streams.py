"""Standard streams that were closed before the start, as some supervisors do."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway_process import running_gateway
from tests.upstreams import running_upstream
from tests.wire import ask, request

OPENED = """
import os, sys
from gateway.core import early_streams
early_streams.open_closed()
print("out")
print("err", file=sys.stderr)
sys.stdout.flush()
os.write(3, b"%d" % os.open(os.devnull, os.O_RDONLY))
"""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_no_file_gets_the_number_of_a_standard_stream(
    closed: str, tmp_path: Path
) -> None:
    """What is printed would go to whoever holds that connection."""
    told = tmp_path / "told"
    shown = sys.executable, "-c", OPENED

    subprocess.run(  # noqa: S603 - our own lines
        ["/bin/sh", "-c", f'exec "$@" 3>"{told}" {closed}', "sh", *shown],
        check=True,
        timeout=30,
    )

    assert int(told.read_text()) > 3


@pytest.mark.e2e
@pytest.mark.parametrize("closed", [">&-", "<&- >&-"])
def test_a_gateway_without_standard_output_serves(
    closed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It aborted in its first second, since a socket had the number of the output."""
    begin = subprocess.Popen

    def without(command: list[str], **options: object) -> object:
        shell = ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *command]
        return begin(shell, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", without)
    with (
        running_upstream() as upstream,
        running_gateway(upstream.base_url, tmp_path) as gateway,
    ):
        told = ask(gateway.port, request("POST", "/v3/loans", body=b"{}"))

    assert told.status == 200
