"""A gateway whose output nobody reads serves on, and ends when it is told to."""

import fcntl
import http.client
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway_process import GatewayProcess
from tests.upstreams import running_upstream

pytestmark = pytest.mark.e2e

F_SETPIPE_SZ = 1031  # Linux
SMALLEST = 4096  # bytes


def status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.skipif(sys.platform != "linux", reason="sizes its pipe")
def test_an_unread_log_stops_neither_traffic_nor_liveness_nor_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log collector that hangs must not be an outage of lending."""
    begin = subprocess.Popen

    def into_a_pipe(*arguments: object, **options: object) -> object:
        process = begin(*arguments, **{**options, "stdout": subprocess.PIPE})  # type: ignore[call-overload]
        fcntl.fcntl(process.stdout, F_SETPIPE_SZ, SMALLEST)
        return process

    monkeypatch.setattr(subprocess, "Popen", into_a_pipe)
    with running_upstream() as upstream:
        gateway = GatewayProcess(upstream.base_url, tmp_path)
        try:
            gateway.wait_ready()

            # A line has some 400 bytes: the pipe is full after a dozen.
            answered = {status(gateway.port, "/v3/banks") for _ in range(60)}
            alive = status(gateway.admin_port, "/livez")
            gateway.process.send_signal(signal.SIGTERM)
            ended = gateway.process.wait(20)
        finally:
            gateway.process.kill()
            gateway.process.wait()
            assert gateway.process.stdout is not None
            gateway.process.stdout.close()

    assert (answered, alive, ended) == ({200}, 200, 0)
