"""A gateway that is started twice: the second ends, the first notices nothing."""

import socket
from pathlib import Path

import pytest

from tests.gateway_process import GatewayProcess
from tests.upstreams import running_upstream

pytestmark = pytest.mark.e2e


def ask(path: Path) -> bytes:
    """Return what is said on a Unix socket."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(20)
        caller.connect(str(path))
        caller.sendall(
            b"GET /v3/banks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        said = b""
        while data := caller.recv(65536):
            said += data
    return said


def test_a_second_start_does_not_take_the_first_one_s_socket(tmp_path: Path) -> None:
    """Its callers would find nobody, although it is ready."""
    path = tmp_path / "p"
    settings = {
        "GATEWAY__LISTEN__PROXY": f"unix:{path}",
        "GATEWAY__IDEMPOTENCY__DURABLE": "true",
        "GATEWAY__STORAGE__SQLITE_PATH": str(tmp_path / "gateway.db"),
    }
    with running_upstream() as upstream:
        first = GatewayProcess(upstream.base_url, tmp_path / "1", settings)
        try:
            first.wait_ready()
            admin = {"GATEWAY__LISTEN__ADMIN": f"127.0.0.1:{first.admin_port}"}
            second = GatewayProcess(
                upstream.base_url, tmp_path / "2", {**settings, **admin}
            )
            ended = second.process.wait(30)

            assert ended == 1
            assert "cannot listen" in second.output
            assert b" 200 " in ask(path).split(b"\r\n")[0]
            path.unlink()
            unready, why = first.admin("/readyz")
            assert (unready, str(path) in why) == (503, True)
        finally:
            first.stop()
